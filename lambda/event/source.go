package event

import (
	"fmt"
	"slices"
	"strings"
)

// Source is the kind of AWS service that sent an event.
type Source string

// The sources that a [Handler] serves. An Application Load Balancer is one source,
// with or without multi-value headers in its target group.
const (
	RESTAPI     Source = "rest-api"     // API Gateway REST API
	HTTPAPI     Source = "http-api"     // API Gateway HTTP API, payload 2.0
	HTTPAPIv1   Source = "http-api-v1"  // API Gateway HTTP API, payload 1.0
	ALB         Source = "alb"          // Application Load Balancer
	FunctionURL Source = "function-url" // Lambda Function URL

	VPCLattice   Source = "vpc-lattice"    // VPC Lattice, version 2 of its event structure
	VPCLatticeV1 Source = "vpc-lattice-v1" // VPC Lattice, version 1, its default
)

// source is what differs between sources. Each implementation has its own file,
// with the function that detects its events.
type source interface {
	name() Source

	// request reads the parts of the event that differ between sources.
	request(e *envelope) (wireRequest, error)

	// responseFormat returns the format of responses to this source.
	responseFormat() responseFormat
}

// wireRequest is a request in the terms that all sources share.
type wireRequest struct {
	method     string
	path       string
	decoded    bool   // path is already decoded, so a % in it is literal
	stage      string // the leading segment of path that names the stage
	rawQuery   string
	header     header
	host       string // used without a Host header
	client     string // an address, or an address and a port
	https      bool
	authorizer Authorizer

	apiKeyID    string
	certificate *ClientCertificate
	sourceVPC   string
}

// responseFormat is the format of responses to a source.
type responseFormat struct {
	multi       bool // has multiValueHeaders instead of headers
	cookies     bool // has Set-Cookie in the member cookies
	description bool // has statusDescription
	streams     bool // can be streamed
	limit       int  // bytes of the whole response
	limitOf     string
}

const (
	// responseLimit is the maximum size of a response for the Runtime API, in
	// bytes. It refuses a larger one with 413.
	responseLimit = 6_291_556

	// albResponseLimit is the maximum size of a response for a load balancer, in
	// bytes.
	albResponseLimit = 1 << 20

	// latticeResponseLimit is the maximum size of a response for VPC Lattice, in
	// bytes (its user guide, "Lambda functions as targets").
	latticeResponseLimit = 6 << 20
)

// detectSource returns the source of an event. It detects each source by fields
// that no other event has, so the order of the sources does not matter.
func detectSource(e *envelope) (source, error) {
	if src, ok := detectLoadBalancer(e); ok {
		return src, nil
	}
	switch {
	case e.authorizerEvent:
		return nil, &UnsupportedEventError{"an API Gateway authorizer event, not a request: this function is not an authorizer"}
	case e.context.webSocket:
		return nil, &UnsupportedEventError{"a WebSocket event: only HTTP is served"}
	}
	for _, detect := range [...]func(*envelope) (source, bool){
		detectFunctionURL, detectHTTPAPI, detectHTTPAPIv1, detectRESTAPI, detectLattice,
	} {
		if src, ok := detect(e); ok {
			return src, nil
		}
	}
	return nil, errNotHTTP
}

const notHTTP = "not an HTTP event of API Gateway, a load balancer, VPC Lattice or a Function URL: "

// errNotHTTP is the error for an event of no source. newInvocation replaces it by
// one that names the event's keys.
var errNotHTTP = &UnsupportedEventError{notHTTP + "its keys are not those of any"}

// notAnObject returns the error for a payload that is not a JSON object. It looks
// only at the beginning of an object.
func notAnObject(payload []byte) error {
	if i := skipSpace(payload, 0); i == len(payload) {
		return &UnsupportedEventError{notHTTP + "it is empty: it has no bytes"}
	} else if payload[i] == '{' {
		return nil
	}
	p := parser{s: string(payload)}
	kind := p.kind()
	if kind == "" {
		p.fail("a value")
	}
	if p.skip(); p.err == nil && p.peek() != 0 {
		p.fail("the end of the text")
	}
	if p.err != nil {
		return &MalformedEventError{p.err.Error()}
	}
	return &UnsupportedEventError{notHTTP + "it is " + kind}
}

// unsupported returns the error for an event of no source. It names the event's
// keys and those of its requestContext, but no values, which may be secret.
func unsupported(payload string) error {
	var context string
	keys := keysOf(payload, func(key string, p *parser) {
		if key == "requestContext" && p.peek() == '{' {
			context = p.raw()
			return
		}
		p.skip()
	})
	if keys == "" {
		return &UnsupportedEventError{notHTTP + "it is empty: an object without keys"}
	}
	reason := notHTTP + "its keys are " + keys
	if inner := keysOf(context, func(_ string, p *parser) { p.skip() }); inner != "" {
		reason += ", those of its requestContext " + inner
	}
	return &UnsupportedEventError{reason}
}

// keysOf returns the sorted keys of an object, quoted in brackets, or "" if it has
// none. The function value reads the value of a key.
func keysOf(object string, value func(key string, p *parser)) string {
	const most = 20
	var keys []string
	total := 0
	p := parser{s: object}
	if object != "" {
		p.object(func(key string) {
			if total++; total <= most {
				keys = append(keys, clip(key))
			}
			value(key, &p)
		})
	}
	slices.Sort(keys)
	switch {
	case total == 0:
		return ""
	case total > most:
		return fmt.Sprintf("%q and %d more", keys, total-most)
	}
	return fmt.Sprintf("%q", keys)
}

// clip shortens a key for an error's message.
func clip(key string) string {
	const longest = 64
	return strings.ToValidUTF8(key[:min(len(key), longest)], "\uFFFD")
}
