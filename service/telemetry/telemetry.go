// Package telemetry traces and measures a service.Service with OpenTelemetry,
// from the HTTP request to the RPC, and exports the data over OTLP. Only
// programs that import it link OpenTelemetry.
//
// # Spans
//
// An HTTP request has one trace of three spans: the HTTP request (server),
// the gateway's call (client) and the RPC (server). A gRPC client's call has
// only the last span, and a call for another Lambda event has the last two.
// Health checks have none. A call that the server refuses before any
// interceptor runs has no span of the server. Names and attributes follow
// OpenTelemetry's semantic conventions 1.43. On Lambda, the first span also has
// attributes of the event: faas.invocation_id, faas.coldstart, aws.request_id,
// lambda.event.source and others. Queries are not recorded, and of the headers
// only User-Agent, Host and the first address of X-Forwarded-For.
//
// # Parents
//
// The parent of a request's first span is the first of these that exists:
//
//   - the span in the request's context, if the caller put one there;
//   - the span in the X-Ray header that Lambda gives the invocation, with
//     its sampling decision;
//   - none: the span is the root of a new trace.
//
// A traceparent from a client only becomes a link, since anyone can send it.
// With [FollowClients] it is the parent if X-Ray names none. In neither case
// can a client split a trace: the RPC is a child of the HTTP request. The call
// for a message of SQS also has a link to the trace of its sender.
//
// # Variables
//
// OpenTelemetry's environment variables configure the package. It reads them
// with os.Getenv. An invalid value is an error of service.New that names the
// variable. docs/telemetry.md lists the variables.
//
// # Exports
//
// No request waits for an export. [service.Service.Flush] exports; package
// lambda/function calls it after the response has been posted. A slow or
// failing collector does not delay responses. A flush ends after
// [WithFlushTimeout], OTEL_BSP_MAX_QUEUE_SIZE limits the number of queued
// spans, and at most one warning a minute is logged.
//
// With [service.WithFlushAfterResponse], as in lambda/function, the package
// ends its spans and records its metrics in the flush too, with the times of
// the requests.
package telemetry

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// scope is the name of the package's tracer and meter.
const scope = "github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"

// An Option configures [With].
type Option func(*config)

type config struct {
	tracers       trace.TracerProvider
	meters        metric.MeterProvider
	flushTimeout  time.Duration
	followClients bool
	global        bool
}

// WithTracerProvider uses p instead of the provider that the environment
// configures. If p has a ForceFlush method, as the SDK's provider has, a
// flush calls it. The caller must shut p down.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithMeterProvider is like [WithTracerProvider], for metrics.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithFlushTimeout bounds a flush. The default is one second. On Lambda, a
// collector that does not respond can add up to this time to the billed
// duration of an invocation. After a failed flush, there is no other one for
// ten times as long as it took.
func WithFlushTimeout(d time.Duration) Option { return func(c *config) { c.flushTimeout = d } }

// FollowClients makes the span in a client's traceparent the parent of its
// request, if X-Ray names none. Use it only if you trust the clients to
// decide which trace a request belongs to and whether it is sampled.
func FollowClients() Option { return func(c *config) { c.followClients = true } }

// WithGlobal also installs the providers and the propagator as
// OpenTelemetry's global ones, for libraries that use those. Use it for at
// most one Service of a process.
func WithGlobal() Option { return func(c *config) { c.global = true } }

// With returns an option that traces and measures the requests of a Service.
// It works with function.Main, server.Main and service.New.
func With(options ...Option) service.Option {
	return service.WithInstrumentation(func(host service.Host) (service.Instrumentation, error) {
		c := config{flushTimeout: time.Second}
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
	report := newReporter(host.Logger)
	p, err := c.newPipeline(env, report)
	if err != nil {
		return service.Instrumentation{}, err
	}
	meter := p.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	httpDuration, err := httpconv.NewServerRequestDuration(meter)
	if err != nil {
		return service.Instrumentation{}, err
	}
	rpcDuration, err := rpcconv.NewServerCallDuration(meter)
	if err != nil {
		return service.Instrumentation{}, err
	}
	t := &tracing{
		tracer:        p.tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		httpDuration:  httpDuration,
		rpcDuration:   rpcDuration,
		propagator:    env.propagator,
		fields:        env.propagator.Fields(),
		xray:          env.xray,
		clients:       env.clients,
		followClients: c.followClients,
		platform:      host.ReservedMetadata,
		ends:          postponed{report: report},
	}
	for _, field := range t.fields {
		t.headers = append(t.headers, http.CanonicalHeaderKey(field))
	}
	if host.FlushesAfterResponse {
		t.ends.room = maxPostponed
	}
	if c.global {
		otel.SetTracerProvider(p.tracers)
		otel.SetMeterProvider(p.meters)
		otel.SetTextMapPropagator(env.propagator)
	}
	return service.Instrumentation{
		Middleware:  t.middleware,
		MuxOptions:  []runtime.ServeMuxOption{runtime.WithMiddlewares(noteBinding)},
		ClientCall:  t.clientCall,
		ServerCall:  t.serverCall,
		SpanContext: spanContext,
		Flush: func(ctx context.Context) error {
			t.awaitServer(ctx)
			ctx, cancel := context.WithTimeout(ctx, c.flushTimeout)
			defer cancel()
			t.ends.run(ctx)
			p.flush(ctx)
			return nil
		},
		Close: func(ctx context.Context) error {
			t.ends.close(ctx)
			return p.close(ctx)
		},
	}, nil
}

// tracing is the state that the parts of an Instrumentation share.
type tracing struct {
	tracer        trace.Tracer
	httpDuration  httpconv.ServerRequestDuration
	rpcDuration   rpcconv.ServerCallDuration
	propagator    propagation.TextMapPropagator
	fields        []string // the propagator's
	headers       []string // likewise, canonical
	xray          bool     // use the X-Ray header
	clients       bool     // use the traceparent of clients
	followClients bool
	platform      func(context.Context) iter.Seq2[string, string] // the reserved metadata of an HTTP request
	late          atomic.Int64                                    // number of own calls running in a server minus those running in a client
	ends          postponed                                       // of spans and calls
}

func spanContext(ctx context.Context) (traceID, spanID string) {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return "", ""
	}
	return s.TraceID().String(), s.SpanID().String()
}
