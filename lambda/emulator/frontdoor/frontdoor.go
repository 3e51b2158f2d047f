package frontdoor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
)

// door is the handler that New returns.
type door struct {
	fn     emulator.Invoker
	source Source

	stage       string
	basePath    string
	streaming   bool
	binaryTypes []string // nil for the default
	authorizer  Authorizer
	timeout     *time.Duration // nil for the default, or for none
	logger      *slog.Logger
	region      string
	accountID   string

	apiID     string
	bodyLimit int64
	prefix    string // the beginning of every URL's path
}

// New returns a handler that turns each request into an event of source, invokes
// fn and turns the response into HTTP. Errors and limits are those that AWS
// documents for that source. The handler does not have to be closed.
//
// A streamed response is flushed piece by piece. If it fails after it has begun,
// the handler panics with [http.ErrAbortHandler], which aborts the connection.
//
// New fails if an option's value is invalid or the source does not support an
// option: only REST APIs and function URLs stream, only APIs have stages and base
// paths, only APIs that do not stream have a timeout, and only REST APIs have
// binary media types.
func New(fn emulator.Invoker, source Source, options ...Option) (http.Handler, error) {
	if _, err := ParseSource(string(source)); err != nil {
		return nil, err
	}
	d := &door{
		fn: fn, source: source,
		logger:    slog.New(slog.DiscardHandler),
		region:    "us-east-1",
		accountID: "123456789012",
		apiID:     "emulator01",
		bodyLimit: 10 << 20,
	}
	if f, ok := fn.(interface{ Config() emulator.Config }); ok {
		d.region, d.accountID = f.Config().Region, f.Config().AccountID
	}
	for _, option := range options {
		option(d)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if d.binaryTypes == nil {
		d.binaryTypes = []string{"*/*"}
	}
	switch source {
	case RESTAPI:
		d.timeout = cmp.Or(d.timeout, new(29*time.Second))
	case HTTPAPI, HTTPAPIv1:
		d.timeout = cmp.Or(d.timeout, new(30*time.Second))
	case ALB, ALBMulti:
		d.bodyLimit = 1 << 20
	case FunctionURL, VPCLattice, VPCLatticeV1:
		d.bodyLimit = emulator.MaxRequestBytes
	}
	d.setStage()
	return d, nil
}

// check refuses options that the source does not support, and invalid values.
func (d *door) check() error {
	switch {
	case d.streaming && !d.source.Streams():
		return fmt.Errorf("frontdoor: source %s cannot stream, only %s and %s can", d.source, RESTAPI, FunctionURL)
	case !d.source.IsAPI() && (d.stage != "" || d.basePath != ""):
		return fmt.Errorf("frontdoor: source %s has neither stages nor base paths", d.source)
	case d.authorizer != nil && !d.source.Authorizes():
		return fmt.Errorf("frontdoor: source %s has no authorizer", d.source)
	case d.binaryTypes != nil && d.source != RESTAPI:
		return fmt.Errorf("frontdoor: source %s has no binary media types, only %s has", d.source, RESTAPI)
	case d.timeout != nil && (d.streaming || !d.source.IsAPI()):
		return fmt.Errorf("frontdoor: source %s: only APIs that do not stream have a timeout", d.source)
	case d.timeout != nil && *d.timeout <= 0:
		return fmt.Errorf("frontdoor: timeout %v: want more than 0", *d.timeout)
	case d.region == "" || strings.Trim(d.region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("frontdoor: region %q: want a name such as us-east-1", d.region)
	case len(d.accountID) != 12 || strings.Trim(d.accountID, "0123456789") != "":
		return fmt.Errorf("frontdoor: account ID %q: want twelve digits", d.accountID)
	}
	return nil
}

// setStage sets the prefix of URLs and the default stage.
func (d *door) setStage() {
	switch {
	case d.basePath == "/":
		d.basePath = ""
	case d.basePath != "":
		d.prefix = d.basePath
	case d.stage != "" && d.stage != "$default":
		d.prefix = "/" + d.stage
	}
	if d.source == RESTAPI {
		d.stage = cmp.Or(d.stage, "prod")
	} else {
		d.stage = cmp.Or(d.stage, "$default")
	}
}

// ServeHTTP handles one request.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, refused := d.admit(w, r)
	if refused != nil {
		d.refuse(w, r, *refused)
		return
	}
	event, err := d.encode(in)
	if err != nil {
		d.refuse(w, r, d.functionError(fmt.Errorf("encoding event: %w", err)))
		return
	}
	ctx := r.Context()
	if d.streaming {
		d.stream(ctx, w, r, emulator.Request{Payload: event, TraceID: in.traceID})
		return
	}
	if d.timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, *d.timeout, errIntegrationTimeout)
		defer cancel()
	}
	response, err := d.fn.Do(ctx, emulator.Request{Payload: event, TraceID: in.traceID})
	if err != nil {
		d.refuse(w, r, d.invocationError(err))
		return
	}
	out, err := d.decode(response.Payload, in)
	if err != nil {
		d.refuse(w, r, d.functionError(err))
		return
	}
	d.respond(w, out)
	_, _ = w.Write(out.body) // fails only if the client has disconnected
}

// stream forwards a streamed response.
func (d *door) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, event emulator.Request) {
	s, err := d.fn.Stream(ctx, event)
	if err != nil {
		d.refuse(w, r, d.invocationError(err))
		return
	}
	defer func() { _ = s.Body.Close() }()
	out, err := d.decodePrelude(s)
	if err != nil {
		d.refuse(w, r, d.functionError(err))
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Body.Close() }) // the client has disconnected
	defer stop()
	d.respond(w, out)
	controller := http.NewResponseController(w)
	buffer := make([]byte, 32<<10)
	for {
		if err := controller.Flush(); err != nil {
			panic(http.ErrAbortHandler)
		}
		n, err := s.Body.Read(buffer)
		if n > 0 {
			_, _ = w.Write(buffer[:n]) // Flush fails if the client has disconnected; HEAD has no body
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			d.logger.Warn("streamed response aborted", "source", d.source, "path", r.URL.Path, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// incoming is a request as the source receives it.
type incoming struct {
	*http.Request
	body       []byte
	path       string // percent-encoded as sent, without the stage or base path
	clientIP   string
	received   time.Time
	requestID  string
	traceID    string
	authorized Authorized
}

// admit reads the request and applies the source's checks before an invocation.
func (d *door) admit(w http.ResponseWriter, r *http.Request) (*incoming, *gatewayError) {
	if d.source.IsAPI() && headerBytes(r) > maxHeaderBytes {
		return nil, d.headersTooLarge()
	}
	in := &incoming{Request: r, received: time.Now(), requestID: awsid.UUID()}
	var ok bool
	if in.path, ok = d.stripPrefix(r.URL.EscapedPath()); !ok {
		return nil, d.noSuchStage()
	}
	if d.authorizer != nil {
		if in.authorized, ok = d.authorizer(r); !ok {
			return nil, d.unauthorized()
		}
	}
	var err error
	in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, d.bodyLimit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, d.bodyTooLarge()
	} else if err != nil {
		return nil, &gatewayError{status: http.StatusBadRequest, cause: err}
	}
	if in.clientIP, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
		in.clientIP = r.RemoteAddr
	}
	in.traceID = r.Header.Get("X-Amzn-Trace-Id")
	if in.traceID == "" {
		in.traceID = "Root=" + awsid.TraceRoot(in.received)
	}
	return in, nil
}

func (d *door) isLattice() bool { return d.source == VPCLattice || d.source == VPCLatticeV1 }

// stripPrefix removes the stage or base path from path. It returns false if path
// does not begin with it.
func (d *door) stripPrefix(path string) (string, bool) {
	if path == "" || path[0] != '/' { // as in OPTIONS *
		path = "/" + path
	}
	rest, ok := strings.CutPrefix(path, d.prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	if rest == "" {
		rest = "/"
	}
	return rest, true
}

// maxHeaderBytes is API Gateway's limit on the request line and headers.
const maxHeaderBytes = 10_240

// headerBytes returns the size of the request line and the headers, as far as
// net/http preserves it.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.URL.RequestURI()) + len(r.Proto) + len("  \r\n") + len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + len(": \r\n")
		}
	}
	return n
}

// encode returns the event.
func (d *door) encode(in *incoming) ([]byte, error) {
	var event any
	switch d.source {
	case RESTAPI, HTTPAPIv1:
		event = d.payloadV1(in)
	case HTTPAPI, FunctionURL:
		event = d.payloadV2(in)
	case ALB, ALBMulti:
		event = d.albEvent(in)
	case VPCLattice, VPCLatticeV1:
		event = d.latticeEvent(in)
	}
	var b bytes.Buffer
	err := encodeJSON(&b, event)
	return b.Bytes(), err
}
