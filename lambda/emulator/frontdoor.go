package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An Invoker runs a function on events. [*Function] is one; it is an interface
// so that a front door can be tried out without a process behind it.
type Invoker interface {
	Do(context.Context, Request) (Response, error)
	Stream(context.Context, Request) (*Stream, error)
}

// An Option changes how a [FrontDoor] is configured.
type Option func(*door)

// WithStage names the stage of an API and has it served as on the API's own
// domain: the path of every URL begins with the stage. Together with
// [WithBasePath] it only names it. By default the API is served as on a custom
// domain mapped to its root, from the stage "prod" for a REST API and $default
// for an HTTP API.
func WithStage(name string) Option { return func(d *door) { d.stage = name } }

// WithBasePath serves an API as on a custom domain with a mapping: the path of
// every URL begins with basePath. Payload 1.0 passes it on to the function,
// payload 2.0 removes it.
func WithBasePath(basePath string) Option {
	return func(d *door) { d.basePath = "/" + strings.Trim(basePath, "/") }
}

// WithStreaming has answers streamed: the RESPONSE_STREAM invoke mode of a
// function URL, the STREAM response transfer mode of a REST API.
func WithStreaming() Option { return func(d *door) { d.streaming = true } }

// WithBinaryMediaTypes sets the binaryMediaTypes of a REST API, such as
// "image/*". The default is "*/*", with which every body arrives as it was
// sent; AWS's own default is none.
func WithBinaryMediaTypes(types ...string) Option {
	return func(d *door) { d.binaryTypes = types }
}

// WithAuthorizer puts an authorizer in front of the function. A load balancer
// has none, and a function URL knows IAM alone.
func WithAuthorizer(a Authorizer) Option { return func(d *door) { d.authorizer = a } }

// WithTimeout replaces the time that an API waits for an answer: 29 s for a
// REST API, 30 s for an HTTP API. Load balancers and function URLs wait for
// the function's own timeout, and so do streamed answers.
func WithTimeout(timeout time.Duration) Option { return func(d *door) { d.timeout = timeout } }

// WithLogger logs at warn level why a request was answered with an error of
// the source's own, which does not say it.
func WithLogger(logger *slog.Logger) Option { return func(d *door) { d.logger = logger } }

// door is the handler that FrontDoor returns.
type door struct {
	fn     Invoker
	source Source

	stage       string
	basePath    string
	streaming   bool
	binaryTypes []string
	authorizer  Authorizer
	timeout     time.Duration
	logger      *slog.Logger

	apiID     string
	bodyLimit int64
	prefix    string // what every URL begins with
}

// FrontDoor returns a handler that turns each request into an event of source,
// gives it to fn and turns the answer back into HTTP, as AWS documents it for
// that source, errors and limits included. The handler holds no resources.
//
// A streamed answer is flushed piece by piece. One that fails after it has
// begun aborts the connection with [http.ErrAbortHandler].
//
// It fails when the source does not have what an option asks for: only REST
// APIs and function URLs stream, only APIs have stages.
func FrontDoor(fn Invoker, source Source, options ...Option) (http.Handler, error) {
	if _, err := ParseSource(string(source)); err != nil {
		return nil, err
	}
	d := &door{
		fn: fn, source: source,
		binaryTypes: []string{"*/*"},
		logger:      slog.New(slog.DiscardHandler),
		apiID:       "emulator01",
		bodyLimit:   10 << 20,
	}
	for _, option := range options {
		option(d)
	}
	isAPI := slices.Contains([]Source{RESTAPI, HTTPAPI, HTTPAPIv1}, source)
	switch {
	case d.streaming && source != RESTAPI && source != FunctionURL:
		return nil, fmt.Errorf("emulator: source %s cannot stream, only %s and %s can", source, RESTAPI, FunctionURL)
	case !isAPI && (d.stage != "" || d.basePath != ""):
		return nil, fmt.Errorf("emulator: source %s has neither stages nor base paths", source)
	case !isAPI && source != FunctionURL && d.authorizer != nil:
		return nil, fmt.Errorf("emulator: source %s has no authorizer", source)
	}
	switch source {
	case RESTAPI:
		setDefault(&d.timeout, 29*time.Second)
	case HTTPAPI, HTTPAPIv1:
		setDefault(&d.timeout, 30*time.Second)
	case ALB, ALBMulti:
		d.bodyLimit = 1 << 20
	case FunctionURL:
		d.bodyLimit = MaxRequestBytes
	}
	d.setStage()
	return d, nil
}

// setStage works out the prefix of URLs and fills in the stage.
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
		setDefault(&d.stage, "prod")
	} else {
		setDefault(&d.stage, "$default")
	}
}

// ServeHTTP answers one request.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, fault := d.admit(w, r)
	if fault != nil {
		d.refuse(w, r, *fault)
		return
	}
	event, err := d.encode(in)
	if err != nil {
		d.refuse(w, r, d.functionFault(fmt.Errorf("encoding event: %w", err)))
		return
	}
	ctx := r.Context()
	if d.streaming {
		d.stream(ctx, w, r, Request{Payload: event, TraceID: in.traceID})
		return
	}
	if d.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.timeout, errIntegrationTimeout)
		defer cancel()
	}
	response, err := d.fn.Do(ctx, Request{Payload: event, TraceID: in.traceID})
	if err != nil {
		d.refuse(w, r, d.fault(err))
		return
	}
	out, err := d.decode(response.Payload, in)
	if err != nil {
		d.refuse(w, r, d.functionFault(err))
		return
	}
	d.respond(w, out)
	_, _ = w.Write(out.body) // the client may have gone
}

// stream passes a streamed answer on.
func (d *door) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, event Request) {
	s, err := d.fn.Stream(ctx, event)
	if err != nil {
		d.refuse(w, r, d.fault(err))
		return
	}
	defer func() { _ = s.Body.Close() }()
	out, err := d.decodePrelude(s)
	if err != nil {
		d.refuse(w, r, d.functionFault(err))
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Body.Close() }) // a client that has gone reads no more
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
			_, _ = w.Write(buffer[:n]) // Flush will tell if the client has gone; a HEAD has no body
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			d.logger.Warn("answer broke off", "source", d.source, "path", r.URL.Path, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// incoming is a request as the source sees it, before it takes its form.
type incoming struct {
	*http.Request
	body       []byte
	path       string // percent-encoded as sent, without stage and base path
	clientIP   string
	received   time.Time
	requestID  string
	traceID    string
	authorized Authorized
}

// admit reads the request and checks what the source checks before it invokes
// anything.
func (d *door) admit(w http.ResponseWriter, r *http.Request) (*incoming, *fault) {
	if d.isAPIGateway() && headerBytes(r) > maxHeaderBytes {
		return nil, d.headersTooLarge()
	}
	in := &incoming{Request: r, received: time.Now(), requestID: newUUID()}
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
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, d.bodyTooLarge()
	} else if err != nil {
		return nil, &fault{status: http.StatusBadRequest, cause: err}
	}
	if in.clientIP, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
		in.clientIP = r.RemoteAddr
	}
	in.traceID = r.Header.Get("X-Amzn-Trace-Id")
	if in.traceID == "" {
		in.traceID = "Root=" + newTraceRoot(in.received)
	}
	return in, nil
}

func (d *door) isAPIGateway() bool {
	return d.source == RESTAPI || d.source == HTTPAPI || d.source == HTTPAPIv1
}

// stripPrefix removes the stage or base path, in whole segments.
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

// headerBytes is the size of the request line and the headers, as far as
// net/http lets one reconstruct it.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.URL.RequestURI()) + len(r.Proto) + len("  \r\n") + len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + len(": \r\n")
		}
	}
	return n
}

// encode makes the event.
func (d *door) encode(in *incoming) ([]byte, error) {
	var event any
	switch d.source {
	case RESTAPI, HTTPAPIv1:
		event = d.payload1(in)
	case HTTPAPI, FunctionURL:
		event = d.payload2(in)
	case ALB, ALBMulti:
		event = d.albEvent(in)
	}
	var b bytes.Buffer
	err := encodeJSON(&b, event)
	return b.Bytes(), err
}
