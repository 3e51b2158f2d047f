package telemetry

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// request holds what is known of an HTTP request. It is in the request's
// context.
type request struct {
	facts
	client trace.SpanContext // from the client's traceparent
	route  string            // of the gateway's binding, if noteRoute was called
	path   string
	isRPC  atomic.Bool // the path is that of the RPC: Connect or gRPC-Web
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// middleware returns next wrapped in a span. It removes the client's trace
// headers, so that they do not reach the services.
func (t *tracing) middleware(next http.Handler) http.Handler {
	traced := otelhttp.NewHandler(describe(next), "",
		otelhttp.WithTracerProvider(t.tracers),
		otelhttp.WithMeterProvider(t.meters),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()), // the parent is in the context
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		traced.ServeHTTP(w, t.withParent(r))
	})
}

// withParent returns a copy of r with the span's parent and a request in its
// context.
func (t *tracing) withParent(r *http.Request) *http.Request {
	ctx := r.Context()
	own := trace.SpanFromContext(ctx)
	q := &request{facts: newFacts(t.platform(ctx)), path: r.URL.Path}
	ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	if client := trace.SpanContextFromContext(ctx); t.clients && client.IsRemote() && !client.Equal(own.SpanContext()) {
		q.client = client
	}
	switch {
	case own.SpanContext().IsValid():
		ctx = trace.ContextWithSpan(ctx, own)
	case t.xray && q.parent.IsValid():
		ctx = trace.ContextWithRemoteSpanContext(ctx, q.parent)
	case t.followClients:
		ctx = trace.ContextWithRemoteSpanContext(ctx, q.client)
		q.client = trace.SpanContext{} // it is the parent, not a link
	case !trace.SpanContextFromContext(ctx).Equal(trace.SpanContext{}):
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.SpanContext{})
	}
	r = r.WithContext(context.WithValue(ctx, requestKey{}, q))
	r.Header = without(r.Header, t.propagator.Fields())
	return r
}

// without returns header, or a copy of it, without the named fields.
func without(header http.Header, fields []string) http.Header {
	copied := false
	for _, name := range fields {
		if header.Get(name) == "" {
			continue
		}
		if !copied {
			header, copied = header.Clone(), true
		}
		header.Del(name)
	}
	return header
}

// describe adds the attributes to the span that otelhttp does not know.
func describe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, span := requestOf(r.Context()), trace.SpanFromContext(r.Context())
		if len(q.attributes) > 0 {
			span.SetAttributes(append(q.attributes, semconv.FaaSTriggerHTTP)...)
		}
		if q.client.IsValid() {
			span.AddLink(trace.Link{SpanContext: q.client})
		}
		returned := false
		defer func() {
			if q.isRPC.Load() {
				q.route = q.path
			}
			if q.route != "" {
				r.Pattern = r.Method + " " + q.route // where otelhttp looks for it
			}
			if _, route, ok := strings.Cut(r.Pattern, "/"); ok {
				span.SetAttributes(semconv.HTTPRoute("/" + route))
			}
			if !returned {
				span.SetStatus(codes.Error, "the handler panicked")
			}
		}()
		next.ServeHTTP(w, r)
		returned = true
	})
}

// noteRoute is a middleware of the gateway's muxes that records the route.
func noteRoute(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, pathParams map[string]string) {
		if pattern, ok := runtime.HTTPPattern(r.Context()); ok {
			if q := requestOf(r.Context()); q != nil {
				q.route = strings.ReplaceAll(pattern.String(), "=*}", "}")
			}
		}
		next(w, r, pathParams)
	}
}
