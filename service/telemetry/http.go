package telemetry

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// request holds what is known of an HTTP request. It is in the request's
// context.
type request struct {
	method, path    string // as the conventions name them
	scheme, version string
	begin           time.Time
	isRPC           atomic.Bool      // the path is that of the RPC: Connect or gRPC-Web
	binding         *runtime.Pattern // of the gateway, if noteBinding was called
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// middleware returns next wrapped in a span. It removes the client's trace
// headers, so that they do not reach the services.
func (t *tracing) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		q := &request{method: methodName(r.Method), path: r.URL.Path, scheme: scheme(r), version: protocolVersion(r), begin: time.Now()}
		ctx, span := t.startRequest(r, q)
		inner := r.WithContext(context.WithValue(ctx, requestKey{}, q))
		inner.Header = without(r.Header, t.headers)
		out := &response{ResponseWriter: w}
		returned := false
		defer func() {
			e := requestEnd{out.status, returned, time.Since(q.begin), q.isRPC.Load(), q.binding, inner.Pattern}
			t.ends.do(func() { t.endRequest(ctx, span, q, e) })
		}()
		next.ServeHTTP(out, inner)
		returned = true
		if out.status == 0 {
			out.status = http.StatusOK
		}
	})
}

// startRequest starts the span of a request, with its parent.
func (t *tracing) startRequest(r *http.Request, q *request) (context.Context, trace.Span) {
	ctx := r.Context()
	own := trace.SpanFromContext(ctx)
	platform := readFacts(t.platform(ctx), make([]attribute.KeyValue, 0, maxFacts+maxHTTP))
	attributes := platform.attributes
	if len(attributes) > 0 {
		attributes = append(attributes, semconv.FaaSTriggerHTTP)
	}
	attributes = appendHTTP(attributes, r, q)
	if hasAny(r.Header, t.headers) {
		ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	client := trace.SpanContextFromContext(ctx)
	if !t.clients || !client.IsRemote() || client.Equal(own.SpanContext()) {
		client = trace.SpanContext{}
	}
	switch {
	case own.SpanContext().IsValid():
		ctx = trace.ContextWithSpan(ctx, own)
	case t.xray && platform.parent.IsValid():
		ctx = trace.ContextWithRemoteSpanContext(ctx, platform.parent)
	case t.followClients:
		ctx = trace.ContextWithRemoteSpanContext(ctx, client)
		client = trace.SpanContext{} // it is the parent, not a link
	case !trace.SpanContextFromContext(ctx).Equal(trace.SpanContext{}):
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.SpanContext{})
	}
	options := append(make([]trace.SpanStartOption, 0, 3), serverKind, trace.WithAttributes(attributes...))
	if client.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: client}))
	}
	return t.tracer.Start(ctx, q.spanName(""), options...) //nolint:spancheck // endRequest ends it
}

// requestEnd holds what is known when a request has been served.
type requestEnd struct {
	code     int  // 0: no response
	returned bool // otherwise the handler panicked
	duration time.Duration

	isRPC   bool
	binding *runtime.Pattern
	pattern string // of an http.ServeMux
}

func (t *tracing) endRequest(ctx context.Context, span trace.Span, q *request, e requestEnd) {
	route := e.route(q)
	attributes := make([]attribute.KeyValue, 0, 6)
	if e.code != 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(e.code))
	}
	if route != "" {
		attributes = append(attributes, semconv.HTTPRoute(route))
		span.SetName(q.spanName(route))
	}
	switch {
	case !e.returned:
		span.SetStatus(codes.Error, "the handler panicked")
		attributes = append(attributes, semconv.ErrorTypeKey.String("panic"))
	case e.code >= http.StatusInternalServerError:
		span.SetStatus(codes.Error, "")
		attributes = append(attributes, semconv.ErrorTypeKey.String(strconv.Itoa(e.code)))
	}
	span.SetAttributes(attributes...)
	span.End(trace.WithTimestamp(q.begin.Add(e.duration)))
	if t.httpDuration.Enabled(ctx) {
		attributes = append(attributes, semconv.HTTPRequestMethodKey.String(q.method), semconv.URLScheme(q.scheme), semconv.NetworkProtocolVersion(q.version))
		t.httpDuration.RecordSet(ctx, e.duration.Seconds(), attribute.NewSet(attributes...))
	}
}

// route returns the route of the request, or an empty string.
func (e requestEnd) route(q *request) string {
	if e.isRPC {
		return q.path
	}
	if e.binding != nil {
		return strings.ReplaceAll(e.binding.String(), "=*}", "}")
	}
	if _, route, ok := strings.Cut(e.pattern, "/"); ok {
		return "/" + route
	}
	return ""
}

// spanName returns the method and the route, if it is known.
func (q *request) spanName(route string) string {
	name := q.method
	if name == otherMethod {
		name = "HTTP"
	}
	if route == "" {
		return name
	}
	return name + " " + route
}

const otherMethod = "_OTHER"

// methodName returns the value of http.request.method.
func methodName(method string) string {
	switch method {
	case http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
		http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace:
		return method
	default:
		return otherMethod
	}
}

// maxHTTP is how many attributes appendHTTP appends at most.
const maxHTTP = 11

// appendHTTP appends the attributes of a request that the conventions for HTTP
// server spans require or recommend. The platform's client address takes
// precedence over a header.
func appendHTTP(to []attribute.KeyValue, r *http.Request, q *request) []attribute.KeyValue {
	peer, peerPort := splitAddress(r.RemoteAddr)
	client := ""
	for _, a := range to {
		if a.Key == semconv.ClientAddressKey {
			client = a.Value.AsString()
		}
	}
	if client == "" {
		if client, _, _ = strings.Cut(r.Header.Get("X-Forwarded-For"), ","); client == "" {
			client = peer
		}
		if client != "" {
			to = append(to, semconv.ClientAddress(valid(client)))
		}
	}
	host, port := splitAddress(r.Host)
	to = append(to, semconv.HTTPRequestMethodKey.String(q.method), semconv.URLPath(valid(q.path)), semconv.URLScheme(q.scheme),
		semconv.ServerAddress(valid(host)), semconv.NetworkProtocolVersion(q.version))
	if q.method == otherMethod {
		to = append(to, semconv.HTTPRequestMethodOriginal(valid(r.Method)))
	}
	if port > 0 {
		to = append(to, semconv.ServerPort(port))
	}
	if peer != "" {
		to = append(to, semconv.NetworkPeerAddress(peer))
	}
	if peerPort > 0 {
		to = append(to, semconv.NetworkPeerPort(peerPort))
	}
	if agent := r.UserAgent(); agent != "" {
		to = append(to, semconv.UserAgentOriginal(valid(agent)))
	}
	return to
}

// valid returns s with U+FFFD for what is not UTF-8, with which the export of all
// spans of a batch would fail.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func protocolVersion(r *http.Request) string {
	return strings.TrimSuffix(strings.TrimPrefix(r.Proto, "HTTP/"), ".0")
}

// splitAddress splits an address. The port is 0 if there is none.
func splitAddress(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return strings.Trim(address, "[]"), 0
	}
	number, _ := strconv.ParseUint(text, 10, 16) // 0 on error
	return host, int(number)
}

// hasAny reports whether header has one of the canonical names.
func hasAny(header http.Header, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return len(header[name]) > 0 })
}

// without returns header, or a copy of it, without the canonical names.
func without(header http.Header, names []string) http.Header {
	if !hasAny(header, names) {
		return header
	}
	header = header.Clone()
	for _, name := range names {
		delete(header, name)
	}
	return header
}

// noteBinding is a middleware of the gateway's muxes that records the
// binding.
func noteBinding(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, pathParams map[string]string) {
		if pattern, ok := runtime.HTTPPattern(r.Context()); ok {
			if q := requestOf(r.Context()); q != nil {
				q.binding = &pattern
			}
		}
		next(w, r, pathParams)
	}
}

// response records the status of a response.
type response struct {
	http.ResponseWriter
	status int // 0 before the response begins
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	w.begun()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher, which the gateway requires.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	w.begun()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) begun() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}
