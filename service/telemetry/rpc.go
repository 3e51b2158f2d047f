package telemetry

import (
	"context"
	"iter"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// clientHandler makes the spans of the gateway's calls. Only the server
// records RPC metrics.
type clientHandler struct {
	stats.Handler
	t *tracing
}

func (t *tracing) newClientHandler() stats.Handler {
	return clientHandler{otelgrpc.NewClientHandler(
		otelgrpc.WithTracerProvider(t.tracers),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
		otelgrpc.WithPropagators(t.propagator),
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
	), t}
}

// TagRPC starts the span. If the context has no span, as for an event that is
// not an HTTP request, it determines the parent and the facts as for an HTTP
// request.
func (h clientHandler) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	h.t.late.Add(-1)
	if q := requestOf(ctx); q != nil {
		if info.FullMethodName == q.path {
			q.isRPC.Store(true)
		}
		return h.Handler.TagRPC(ctx, info)
	}
	var f facts
	if !trace.SpanContextFromContext(ctx).IsValid() {
		f = newFacts(outgoing(ctx))
		if h.t.xray && f.parent.IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, f.parent)
		}
	}
	ctx = h.Handler.TagRPC(ctx, info)
	trace.SpanFromContext(ctx).SetAttributes(f.attributes...)
	return ctx
}

// HandleRPC implements [stats.Handler].
func (h clientHandler) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if isMessage(event) {
		return
	}
	h.Handler.HandleRPC(ctx, event)
	if _, ok := event.(*stats.End); ok {
		h.t.late.Add(1)
	}
}

// isMessage reports whether event is about a message. Spans have no events of
// messages, as otelgrpc.WithMessageEvents is not used.
func isMessage(event stats.RPCStats) bool {
	switch event.(type) {
	case *stats.InPayload, *stats.OutPayload:
		return true
	default:
		return false
	}
}

// outgoing yields the metadata of a call that is about to be made.
func outgoing(ctx context.Context) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		md, _ := metadata.FromOutgoingContext(ctx)
		for key, values := range md {
			for _, value := range values {
				if !yield(key, value) {
					return
				}
			}
		}
	}
}

// serverHandler makes the spans of the calls that a server receives.
type serverHandler struct {
	stats.Handler
	t *tracing
}

func (t *tracing) newServerHandler() stats.Handler {
	return serverHandler{otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(t.tracers),
		otelgrpc.WithMeterProvider(t.meters),
		otelgrpc.WithPropagators(incoming{t.propagator, t}),
		otelgrpc.WithPublicEndpointFn(func(ctx context.Context, _ *stats.RPCTagInfo) bool {
			return !t.followClients && !service.OwnCall(ctx)
		}),
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
	), t}
}

// TagRPC implements [stats.Handler].
func (h serverHandler) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if service.OwnCall(ctx) {
		h.t.late.Add(1)
	}
	return h.Handler.TagRPC(ctx, info)
}

// HandleRPC implements [stats.Handler].
func (h serverHandler) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if isMessage(event) {
		return
	}
	h.Handler.HandleRPC(ctx, event)
	if _, ok := event.(*stats.End); ok && service.OwnCall(ctx) {
		h.t.late.Add(-1)
	}
}

// incoming is the propagator of the server. It trusts the gateway. For gRPC
// clients it follows the environment.
type incoming struct {
	propagation.TextMapPropagator
	t *tracing
}

// Extract implements [propagation.TextMapPropagator].
func (p incoming) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	extracted := p.TextMapPropagator.Extract(ctx, carrier)
	if p.t.clients || service.OwnCall(ctx) {
		return extracted
	}
	return trace.ContextWithSpanContext(extracted, trace.SpanContext{})
}

// On a socket, the server ends a call a little later than the client. If the
// process is frozen in between, the span is not exported until it runs again.
const (
	lateBound    = 20 * time.Millisecond
	lateInterval = 200 * time.Microsecond
)

// awaitServer waits until the server has ended the calls whose clients have
// seen the end.
func (t *tracing) awaitServer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lateBound)
	defer cancel()
	for t.late.Load() > 0 && ctx.Err() == nil {
		time.Sleep(lateInterval)
	}
}
