// Package telemetry traces and measures a service.Service with OpenTelemetry,
// from the HTTP request to the RPC, and exports over OTLP. Only programs that
// import it link OpenTelemetry.
//
// # Spans
//
// A request over HTTP has one trace of three spans: the HTTP request (server),
// the gateway's call (client) and the RPC (server). A gRPC client's call has
// the last one, a call for another event of Lambda's the last two. Health checks
// have none. Names and attributes are those of the semantic conventions, by
// otelhttp and otelgrpc. To them come, on Lambda, those of the event:
// faas.invocation_id, faas.coldstart, aws.request_id, lambda.event.source and so
// on. Queries and headers of clients are not recorded.
//
// # Parents
//
// The first span of a request has as its parent, in this order:
//
//   - the span in the request's context, if the caller put one there;
//   - the span in the X-Ray header that Lambda gives the invocation, with its
//     decision about sampling;
//   - nothing. The span is the root of a new trace.
//
// What the client says in a traceparent is linked, since anyone could send it.
// With [FollowClients] it is the parent where X-Ray names none. In neither case
// can a client split a trace: the RPC is a child of the HTTP request.
//
// # Variables
//
// OpenTelemetry's own environment variables configure all this, as os.Getenv
// has them. A value that is not understood is an error of service.New that
// names the variable. docs/telemetry.md lists them.
//
// # Exports
//
// Nothing is exported while a request waits for it. [service.Service.Flush]
// exports, which package lambda/function calls when an answer has been posted.
// A collector that is slow, fails or does not answer costs neither a request nor
// its spans' memory without bound: a flush is cut after [WithFlushTimeout],
// the queue of spans is limited by OTEL_BSP_MAX_QUEUE_SIZE, and one warning a
// minute is logged.
package telemetry

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/stats"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// DefaultFlushTimeout is the bound of a flush without [WithFlushTimeout].
const DefaultFlushTimeout = time.Second

// An Option changes what [With] does.
type Option func(*config)

type config struct {
	tracers       trace.TracerProvider
	meters        metric.MeterProvider
	flushTimeout  time.Duration
	followClients bool
	global        bool
}

// WithTracerProvider takes a provider in place of the one that the environment
// describes. If it has a method ForceFlush, as the SDK's has, a flush calls it;
// the caller shuts it down.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithMeterProvider is [WithTracerProvider] for metrics.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithFlushTimeout bounds a flush. On Lambda it is what a collector that does
// not answer can add to the time that an invocation is billed for. After a flush
// that failed there is none for ten times as long as it took.
func WithFlushTimeout(d time.Duration) Option { return func(c *config) { c.flushTimeout = d } }

// FollowClients makes the span that a client names in a traceparent the parent
// of its request, where X-Ray names none. It is for clients that may decide
// which trace a request belongs to, and whether it is sampled: one's own.
func FollowClients() Option { return func(c *config) { c.followClients = true } }

// WithGlobal makes the providers and the propagator OpenTelemetry's global ones
// too, for libraries that look there. Give it to one Service of a process.
func WithGlobal() Option { return func(c *config) { c.global = true } }

// With traces and measures the requests of a Service. It is the same in
// function.Main, server.Main and service.New.
func With(options ...Option) service.Option {
	return service.WithInstrumentation(func(host service.Host) (service.Instrumentation, error) {
		c := config{flushTimeout: DefaultFlushTimeout}
		for _, o := range options {
			o(&c)
		}
		i, err := c.start(host)
		if err != nil {
			return i, fmt.Errorf("telemetry: %w", err)
		}
		return i, nil
	})
}

func (c *config) start(host service.Host) (service.Instrumentation, error) {
	if c.flushTimeout <= 0 {
		return service.Instrumentation{}, fmt.Errorf("WithFlushTimeout(%v): want a positive duration", c.flushTimeout)
	}
	env, err := readEnvironment()
	if err != nil || env.disabled {
		return service.Instrumentation{}, err
	}
	p, err := c.newPipeline(env, newReporter(host.Logger))
	if err != nil {
		return service.Instrumentation{}, err
	}
	t := &tracing{
		tracers:       p.tracers,
		meters:        p.meters,
		propagator:    env.propagator,
		xray:          env.xray,
		clients:       env.clients,
		followClients: c.followClients,
		platform:      host.ReservedMetadata,
	}
	if c.global {
		otel.SetTracerProvider(p.tracers)
		otel.SetMeterProvider(p.meters)
		otel.SetTextMapPropagator(env.propagator)
	}
	return service.Instrumentation{
		Middleware:          t.middleware,
		MuxOptions:          []runtime.ServeMuxOption{runtime.WithMiddlewares(noteRoute)},
		StatsHandlers:       []stats.Handler{t.newServerHandler()},
		ClientStatsHandlers: []stats.Handler{t.newClientHandler()},
		SpanContext:         spanContext,
		Flush: func(ctx context.Context) error {
			t.awaitServer(ctx)
			p.flush(ctx)
			return nil
		},
		Close: p.close,
	}, nil
}

// tracing is what the parts of an Instrumentation share.
type tracing struct {
	tracers       trace.TracerProvider
	meters        metric.MeterProvider
	propagator    propagation.TextMapPropagator
	xray          bool // X-Ray's header names parents
	clients       bool // traceparents of clients name links, or parents
	followClients bool
	platform      platformFacts
	late          atomic.Int64 // own calls that run in a server, less those that run in a client
}

func spanContext(ctx context.Context) (traceID, spanID string) {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return "", ""
	}
	return s.TraceID().String(), s.SpanID().String()
}
