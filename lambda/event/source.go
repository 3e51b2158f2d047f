package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Source names the kind of front door that an event came through.
type Source string

// The sources that are served. An Application Load Balancer is one source,
// whether its target group has multi-value headers enabled or not.
const (
	RESTAPI     Source = "rest-api"     // API Gateway REST API
	HTTPAPI     Source = "http-api"     // API Gateway HTTP API, payload 2.0
	HTTPAPIv1   Source = "http-api-v1"  // API Gateway HTTP API, payload 1.0
	ALB         Source = "alb"          // Application Load Balancer
	FunctionURL Source = "function-url" // Lambda Function URL
)

// source is what differs between the sources. Each has a file of its own.
type source interface {
	name() Source

	// request takes from the event what only this source knows how to find.
	request(e *envelope) (wireRequest, error)

	// answer is the form of the answers that this source understands.
	answer() form
}

// wireRequest is a request in the terms that all sources share.
type wireRequest struct {
	method   string
	path     string
	decoded  bool   // path is already decoded, so a % in it is just a %
	stage    string // a leading segment of path that the client's URL has for the stage alone
	rawQuery string
	header   header
	host     string // when there is no Host header
	client   string // an address, or an address and a port
	https    bool
}

// form is what an answer to a source consists of.
type form struct {
	multi       bool // multiValueHeaders, not headers
	cookies     bool // Set-Cookie apart from the other headers
	description bool // statusDescription
	streams     bool // streamed answers are understood
	limit       int  // bytes of the whole answer
	limitOf     string
}

const (
	// responseLimit is how long an answer may be for the Runtime API, which
	// refuses what is longer with 413.
	responseLimit = 6_291_556

	// albResponseLimit is how long an answer may be for a load balancer.
	albResponseLimit = 1 << 20
)

// recognise tells the sources apart. This is the only place that does. The
// order matters: events of later kinds have fields of earlier ones.
func recognise(e *envelope) (source, error) {
	c := &e.context
	switch {
	case c.elb != "":
		return loadBalancer{multi: e.multiHeaders != ""}, nil
	case e.authorizerEvent:
		return nil, errors.New("event: an API Gateway authorizer event, not a request: this function is no authorizer")
	case c.webSocket:
		return nil, errors.New("event: a WebSocket event: only HTTP is served")
	case c.method != "" && strings.Contains(c.domainName, ".lambda-url."):
		return functionURL{}, nil
	case c.method != "":
		return httpAPI{}, nil
	case e.httpMethod != "" && e.version == "1.0":
		return httpAPIv1{}, nil
	case e.httpMethod != "" && e.version == "":
		return restAPI{}, nil
	}
	return nil, errNotHTTP
}

var errNotHTTP = errors.New("not an HTTP event of API Gateway, a load balancer or a Function URL")

// unrecognised is the error for an event that is not HTTP. It names the
// event's keys and none of its values, which may be secret.
func unrecognised(payload string) error {
	const most, longest = 20, 64
	var keys []string
	total := 0
	p := parser{s: payload}
	p.object(func(key string) {
		if total++; total <= most {
			keys = append(keys, strings.ToValidUTF8(key[:min(len(key), longest)], "\uFFFD"))
		}
		p.skip()
	})
	slices.Sort(keys)
	switch {
	case total == 0:
		return fmt.Errorf("event: %w: it is empty", errNotHTTP)
	case total > most:
		return fmt.Errorf("event: %w: its keys are %q and %d more", errNotHTTP, keys, total-most)
	}
	return fmt.Errorf("event: %w: its keys are %q", errNotHTTP, keys)
}
