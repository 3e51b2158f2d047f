package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
)

// processors return an option that gives spans to processors.
func processors(all ...sdktrace.SpanProcessor) service.Option {
	var options []sdktrace.TracerProviderOption
	for _, p := range all {
		options = append(options, sdktrace.WithSpanProcessor(p))
	}
	return telemetry.With(telemetry.WithTracerProvider(sdktrace.NewTracerProvider(options...)), telemetry.WithMeterProvider(noop.NewMeterProvider()))
}

func TestSpansEndAtOnceIfNobodyFlushes(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	svc := newService(t, "inproc", processors(spans))
	ask(t, svc, "GET", "/v1/ping", "")
	if n := len(spans.Ended()); n != 3 {
		t.Errorf("%d spans have ended, want 3", n)
	}
}

func TestSpansEndAfterTheResponse(t *testing.T) {
	for _, transportName := range transports {
		for name, flush := range map[string]func(*testing.T, *service.Service){"in Flush": flush, "in Close": closeService} {
			t.Run(name+", "+transportName, func(t *testing.T) {
				spans := tracetest.NewSpanRecorder()
				svc := newService(t, transportName, processors(spans), service.WithFlushAfterResponse())
				ask(t, svc, "GET", "/v1/ping", "")
				ask(t, svc, "GET", "/v1/echo/7/stream?count=3", "")
				answered := time.Now()
				if n := len(spans.Ended()); n > 0 {
					t.Errorf("%d spans have ended before the flush", n)
				}
				flush(t, svc)
				if n := len(spans.Ended()); n != 6 {
					t.Errorf("%d spans have ended, want 6", n)
				}
				for _, s := range spans.Ended() {
					if s.EndTime().Before(s.StartTime()) || s.EndTime().After(answered) {
						t.Errorf("%s began at %v and ended at %v, want before %v", s.Name(), s.StartTime(), s.EndTime(), answered)
					}
				}
			})
		}
	}
}

// A handler that knows a secret in the path can hide it, although the span ends
// after the handler.
func TestAHandlerReplacesAnAttribute(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	path := attribute.Key("url.path")
	svc := newService(t, "inproc", processors(spans), service.WithFlushAfterResponse(),
		service.WithRoute("GET /reset/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			trace.SpanFromContext(r.Context()).SetAttributes(path.String("/reset/hidden"))
		})))
	ask(t, svc, "GET", "/reset/secret", "")
	flush(t, svc)
	if ended := spans.Ended(); len(ended) != 1 || !slices.Contains(ended[0].Attributes(), path.String("/reset/hidden")) {
		t.Errorf("%+v", ended)
	}
}

func closeService(t *testing.T, svc *service.Service) {
	t.Helper()
	if err := svc.Close(); err != nil {
		t.Error(err)
	}
}

// The memory of a program that does not flush, although it says so, is bounded.
func TestPostponedWorkIsBounded(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	svc := newService(t, "inproc", processors(spans), service.WithFlushAfterResponse())
	const requests = 100
	for range requests {
		ask(t, svc, "GET", "/v1/ping", "")
	}
	if n := len(spans.Ended()); n != 3*requests-telemetry.MaxPostponed {
		t.Errorf("%d of %d spans have ended, want all but %d", n, 3*requests, telemetry.MaxPostponed)
	}
	for range 2 { // there is room again
		flush(t, svc)
		ask(t, svc, "GET", "/v1/ping", "")
	}
	if n := len(spans.Ended()); n != 3*(requests+1) {
		t.Errorf("%d spans have ended, want %d", n, 3*(requests+1))
	}
}

// Each worker flushes after its own response, and may do the work of others.
func TestConcurrentFlushesLoseNoSpan(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	svc := newService(t, "inproc", processors(spans), service.WithFlushAfterResponse())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				ask(t, svc, "GET", "/v1/ping", "")
				flush(t, svc)
			}
		})
	}
	wg.Wait()
	if ended := spans.Ended(); len(ended) != 600 {
		t.Errorf("%d spans have ended, want 600", len(ended))
	}
}

// failing is a processor that panics or exits.
type failing struct {
	discard
	end, flush func()
}

func (f failing) OnEnd(sdktrace.ReadOnlySpan)      { f.end() }
func (f failing) ForceFlush(context.Context) error { f.flush(); return nil }

func nothing() {}

func TestPostponedWorkThatFails(t *testing.T) {
	for name, fail := range map[string]failing{
		"panic at the end of a span": {end: func() { panic("on purpose") }, flush: nothing},
		"exit at the end of a span":  {end: runtime.Goexit, flush: nothing},
		// The exports pause.
		"panic in a flush": {end: nothing, flush: func() { panic("on purpose") }},
	} {
		t.Run(name, func(t *testing.T) {
			log := &testlog.Buffer{}
			spans := tracetest.NewSpanRecorder()
			svc := newService(t, "inproc", processors(spans, fail), service.WithFlushAfterResponse(),
				service.WithLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))))
			for range 3 {
				ask(t, svc, "GET", "/v1/ping", "")
				for range 4 { // an exit ends one flush, and the next continues
					var wg sync.WaitGroup
					wg.Go(func() { flush(t, svc) })
					wg.Wait()
				}
			}
			if n := len(spans.Ended()); n != 9 {
				t.Errorf("%d spans have ended, want 9", n)
			}
			if got := log.String(); strings.Contains(name, "panic") != (strings.Count(got, warning) == 1 && strings.Contains(got, "on purpose")) {
				t.Errorf("the log is %q", got)
			}
		})
	}
}

// A provider may take long for each span.
func TestAFlushEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	spans := tracetest.NewSpanRecorder()
	svc := newService(t, "inproc", processors(spans, failing{end: cancel, flush: nothing}), service.WithFlushAfterResponse())
	ask(t, svc, "GET", "/v1/ping", "")
	if err := svc.Flush(ctx); err != nil {
		t.Error(err)
	}
	if n := len(spans.Ended()); n != 1 {
		t.Errorf("%d spans have ended in a flush whose context ended, want 1", n)
	}
	flush(t, svc)
	if n := len(spans.Ended()); n != 3 {
		t.Errorf("%d spans have ended, want 3", n)
	}
}

func TestTheFlushTimeoutBoundsTheEndsOfSpans(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	svc := newService(t, "inproc", service.WithFlushAfterResponse(),
		telemetry.With(telemetry.WithTracerProvider(provider), telemetry.WithMeterProvider(noop.NewMeterProvider()), telemetry.WithFlushTimeout(time.Nanosecond)))
	ask(t, svc, "GET", "/v1/ping", "")
	flush(t, svc)
	if n := len(spans.Ended()); n != 0 {
		t.Errorf("%d spans have ended after the timeout", n)
	}
}
