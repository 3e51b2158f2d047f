package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMetrics(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
	svc := newService(t, "inproc", telemetry.With())
	for range 3 {
		ask(t, svc, "POST", "/v1/echo/7", `{}`)
		flush(t, svc)
	}
	if len(c.metrics) > 0 {
		t.Errorf("metrics were exported before the interval was over: %v", slices.Collect(maps.Keys(c.metrics)))
	}
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]map[string]string{
		"http.server.request.duration": {"http.route": "/v1/echo/{id}", "http.request.method": "POST"},
		"rpc.server.call.duration":     {"rpc.method": "test.v1.EchoService/Echo"},
	} {
		points := c.metrics[name].GetHistogram().GetDataPoints()
		if len(points) != 1 || points[0].GetCount() != 3 {
			t.Errorf("%s: %v, want one point that counts 3", name, points)
			continue
		}
		for key, value := range want {
			if got := attributes(points[0].GetAttributes())[key]; got != value {
				t.Errorf("%s: %s is %q, want %q", name, key, got, value)
			}
		}
	}
	if c.metrics["rpc.client.call.duration"] != nil {
		t.Error("the gateway's calls are measured, too")
	}
}

func TestMetricsAreFlushedOnceInAnInterval(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "1")
	svc := newService(t, "inproc", telemetry.With())
	ask(t, svc, "GET", "/v1/ping", "")
	for n := 0; n == 0; { // a millisecond passes
		flush(t, svc)
		c.mu.Lock()
		n = len(c.metrics)
		c.mu.Unlock()
	}
}

func TestTheResourceDescribesTheFunction(t *testing.T) {
	c := newCollector(t)
	for name, value := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "shop", "AWS_LAMBDA_FUNCTION_VERSION": "7", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_REGION": "eu-central-1",
		"AWS_LAMBDA_LOG_STREAM_NAME": "stream", "AWS_LAMBDA_LOG_GROUP_NAME": "group", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
	} {
		t.Setenv(name, value)
	}
	for _, name := range []string{"", "orders"} {
		t.Setenv("OTEL_SERVICE_NAME", name)
		svc := newService(t, "inproc", telemetry.With())
		ask(t, svc, "GET", "/v1/ping", "")
		flush(t, svc)
		if name == "" {
			name = "shop"
		}
		for key, want := range map[string]string{
			"service.name": name, "faas.name": "shop", "faas.version": "7", "faas.instance": "stream", "faas.max_memory": "int_value:134217728",
			"cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "eu-central-1", "deployment.environment.name": "test",
		} {
			if got := c.resource[key]; got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
	}
}

// A backend would otherwise show the spans of all such programs together.
func TestTheServiceHasANameOutsideLambda(t *testing.T) {
	c := newCollector(t)
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "")
	svc := newService(t, "inproc", telemetry.With())
	ask(t, svc, "GET", "/v1/ping", "")
	flush(t, svc)
	if got := c.resource["service.name"]; got != "unknown_service:"+filepath.Base(os.Args[0]) {
		t.Errorf("service.name is %q", got)
	}
}

// Providers of the user are flushed, but not shut down.
func TestProvidersOfTheUsersOwn(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	t.Cleanup(func() {
		if err := errors.Join(tracers.Shutdown(context.Background()), meters.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
	svc := newService(t, "bufconn", telemetry.With(telemetry.WithTracerProvider(tracers), telemetry.WithMeterProvider(meters)))
	ask(t, svc, "GET", "/v1/ping", "")
	flush(t, svc)
	if n := len(spans.GetSpans()); n != 3 {
		t.Errorf("%d spans, want 3", n)
	}
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	if _, span := tracers.Tracer("").Start(t.Context(), "later"); !span.IsRecording() {
		t.Error("the Service shut down the provider of the user's")
	}
	var m metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &m); err != nil || len(m.ScopeMetrics) != 1 || len(m.ScopeMetrics[0].Metrics) != 2 {
		t.Errorf("%v, %+v, want the metrics of HTTP and of RPC", err, m.ScopeMetrics)
	}
}

// panicking is a provider that panics when it is flushed.
type panicking struct{ trace.TracerProvider }

func (panicking) ForceFlush(context.Context) error { panic("in a provider") }

func TestAProviderThatPanics(t *testing.T) {
	c := newCollector(t)
	log := &testlog.Buffer{}
	svc := newService(t, "inproc", telemetry.With(telemetry.WithTracerProvider(panicking{nooptrace.NewTracerProvider()})),
		service.WithLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	ask(t, svc, "GET", "/v1/ping", "")
	flush(t, svc)
	if got := log.String(); !strings.Contains(got, warning) || !strings.Contains(got, "what=spans") || !strings.Contains(got, "in a provider") {
		t.Errorf("the log is %q", got)
	}
	if err := svc.Close(); err != nil {
		t.Error(err)
	}
	if c.mu.Lock(); len(c.metrics) == 0 {
		t.Error("the metrics were not exported")
	}
	c.mu.Unlock()
}

func TestAFailureIsInTheSpans(t *testing.T) {
	c := newCollector(t)
	svc := newService(t, "unix", telemetry.With(), service.WithUnaryInterceptors(
		func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) { panic("on purpose") }))
	w := httptest.NewRecorder()
	svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
	flush(t, svc)
	for _, s := range c.taken() {
		want := map[bool]string{true: "INTERNAL", false: "500"}[strings.HasPrefix(s.Name, "test.v1.")]
		if got := s.Attributes["error.type"]; !s.Failed || got != want {
			t.Errorf("%s, %s: failed: %v, error.type is %q, want %q", s.Name, s.Kind, s.Failed, got, want)
		}
	}
	w = httptest.NewRecorder()
	svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/nothing/here", nil))
	flush(t, svc)
	spans := c.taken()
	if len(spans) != 1 || spans[0].Name != "GET" || spans[0].Failed || spans[0].Attributes["http.response.status_code"] != "int_value:404" {
		t.Errorf("of a path that is not bound: %+v", spans)
	}
}

// The code of a span is the one that the client gets.
func TestTheCodeOfASpan(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		code   string
		failed bool // in the server
	}{
		"cancelled":           {context.Canceled, "CANCELLED", false},
		"the deadline":        {fmt.Errorf("waiting: %w", context.DeadlineExceeded), "DEADLINE_EXCEEDED", true},
		"a plain error":       {errors.New("oh"), "UNKNOWN", true},
		"the client's":        {status.Error(grpccodes.NotFound, "no"), "NOT_FOUND", false},
		"an unspecified code": {status.Error(99, "no"), "CODE(99)", false},
	} {
		for _, transportName := range []string{"inproc", "unix"} {
			t.Run(name+", "+transportName, func(t *testing.T) {
				c := newCollector(t)
				svc := newService(t, transportName, telemetry.With(), service.WithUnaryInterceptors(
					func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
						return nil, test.err
					}))
				svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
				flush(t, svc)
				spans := c.taken()
				if len(spans) != 3 {
					t.Fatalf("%d spans, want 3", len(spans))
				}
				for i, failed := range []bool{true, test.failed} {
					s := spans[1+i]
					if got := s.Attributes["rpc.response.status_code"]; got != test.code || s.Failed != failed {
						t.Errorf("%s: %s, failed: %v, want %s, %v", s.Kind, got, s.Failed, test.code, failed)
					}
				}
			})
		}
	}
}

// What is not UTF-8 would fail the export of all spans.
func TestTextThatIsNotUTF8(t *testing.T) {
	c := newCollector(t)
	svc := newService(t, "inproc", telemetry.With(), service.WithUnaryInterceptors(
		func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return nil, status.Error(grpccodes.Internal, "a\xff")
		}), service.WithReservedMetadata(func(context.Context) iter.Seq2[string, string] {
		return maps.All(map[string]string{service.ReservedPrefix + "event-source": "a\xff"})
	}))
	for target, change := range map[string]func(*http.Request){
		"/v1/ping": func(r *http.Request) {},
		"/v1/%ff":  func(r *http.Request) {},
		"/method":  func(r *http.Request) { r.Method = "GET\xff" },
		"/host":    func(r *http.Request) { r.Host = "a\xff" },
		"/agent":   func(r *http.Request) { r.Header.Set("User-Agent", "a\xff") },
		"/address": func(r *http.Request) { r.Header.Set("X-Forwarded-For", "a\xff, b") },
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		change(r)
		svc.ServeHTTP(httptest.NewRecorder(), r)
		flush(t, svc)
		if len(c.taken()) == 0 {
			t.Errorf("%s: no spans", target)
		}
	}
}

func TestAnUnknownMethodThatIsNotUTF8(t *testing.T) {
	c := newCollector(t)
	svc := newService(t, "inproc", telemetry.With())
	conn := dialGRPC(t, svc, grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(grpccodes.NotFound, "") }))
	if err := conn.Invoke(t.Context(), "/a\xff/b", &testv1.PingRequest{}, &testv1.PingResponse{}); status.Code(err) != grpccodes.NotFound {
		t.Error(err)
	}
	flush(t, svc)
	if len(c.taken()) == 0 {
		t.Error("no spans")
	}
}

// brokenWriter is a response writer whose client has left.
type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) FlushError() error               { return io.ErrClosedPipe }
func (brokenWriter) SetReadDeadline(time.Time) error { return os.ErrDeadlineExceeded }

// A handler can do with the response what it could do without telemetry, and
// learns the same errors.
func TestTheResponseOfARoute(t *testing.T) {
	newCollector(t)
	svc := newService(t, "inproc", telemetry.With(), service.WithRoute("GET /route", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		if err := c.Flush(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Flush: %v", err)
		}
		if err := c.SetReadDeadline(time.Time{}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("SetReadDeadline: %v", err)
		}
	})))
	svc.ServeHTTP(brokenWriter{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/route", nil))
}

// The attributes of a span are those that the conventions name.
func TestAttributes(t *testing.T) {
	c := newCollector(t)
	svc := newService(t, "inproc", telemetry.With())
	for name, test := range map[string]struct {
		method, host, peer, forwarded string
		span                          string
		want                          map[string]string
	}{
		"of IPv4": {"GET", "api.example", "192.0.2.1:1234", "", "GET /v1/ping", map[string]string{
			"http.request.method": "GET", "http.request.method_original": "", "url.path": "/v1/ping", "url.scheme": "http", "url.query": "",
			"server.address": "api.example", "server.port": "", "client.address": "192.0.2.1", "network.peer.address": "192.0.2.1",
			"network.peer.port": "int_value:1234", "network.protocol.version": "1.1", "user_agent.original": "a browser",
			"http.route": "/v1/ping", "http.response.status_code": "int_value:200", "error.type": "",
		}},
		"of IPv6, behind a proxy": {"GET", "[2001:db8::1]:8443", "[::1]:80", "203.0.113.9,10.0.0.1", "GET /v1/ping", map[string]string{
			"server.address": "2001:db8::1", "server.port": "int_value:8443", "client.address": "203.0.113.9",
			"network.peer.address": "::1", "network.peer.port": "int_value:80",
		}},
		"of a socket": {"GET", "[::1]", "@", "", "GET /v1/ping", map[string]string{
			"server.address": "::1", "server.port": "", "network.peer.address": "@", "network.peer.port": "",
		}},
		"of an unknown method": {"BREW", "a:x", "", "", "HTTP", map[string]string{
			"http.request.method": "_OTHER", "http.request.method_original": "BREW", "server.address": "a", "server.port": "",
			"network.peer.address": "", "client.address": "", "http.route": "", "http.response.status_code": "int_value:501",
			"error.type": "501",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), test.method, "/v1/ping?n=1", nil)
			r.Host, r.RemoteAddr = test.host, test.peer
			r.Header.Set("User-Agent", "a browser")
			if test.forwarded != "" {
				r.Header.Set("X-Forwarded-For", test.forwarded)
			}
			svc.ServeHTTP(httptest.NewRecorder(), r)
			flush(t, svc)
			s := c.taken()[0]
			if s.Name != test.span {
				t.Errorf("the span is %q, want %q", s.Name, test.span)
			}
			for key, want := range test.want {
				if got := s.Attributes[key]; got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
		})
	}
}

func FuzzParseTraceHeader(f *testing.F) {
	f.Add(xrayHeader)
	f.Add("Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678")
	f.Add("Root=1-0-0;Parent=zz;Sampled=;=;;")
	f.Fuzz(func(t *testing.T, header string) {
		s := telemetry.ParseTraceHeader(header)
		if s.IsValid() && (!s.IsRemote() || !strings.Contains(strings.ToLower(header), s.SpanID().String())) {
			t.Errorf("%q became %v", header, s)
		}
	})
}

// One option traces everything that a Service does. Here the spans go to a
// provider of the program. By default they go to the collector that
// OpenTelemetry's environment variables name.
func ExampleWith() {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	svc, err := service.New(context.Background(), transport.InProcess(), append(testservice.Options(),
		telemetry.With(telemetry.WithTracerProvider(provider), telemetry.WithMeterProvider(noop.NewMeterProvider())),
		service.WithLogger(slog.New(slog.DiscardHandler)),
	)...)
	if err != nil {
		fmt.Println(err)
		return
	}
	svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/echo/7", nil))
	if err := svc.Close(); err != nil {
		fmt.Println(err)
	}
	for _, span := range recorder.Started() {
		fmt.Println(span.SpanKind(), span.Name(), span.Status().Code == codes.Error)
	}
	// Output:
	// server GET /v1/echo/{id} false
	// client test.v1.EchoService/Echo false
	// server test.v1.EchoService/Echo false
}

// With WithGlobal, libraries that use OpenTelemetry's global providers trace too.
// Here a handler does so.
func ExampleWithGlobal() {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	lookUp := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		_, span := otel.Tracer("shop/prices").Start(ctx, "look up")
		span.End()
		return next(ctx, req)
	}
	svc, err := service.New(context.Background(), transport.InProcess(), append(testservice.Options(),
		telemetry.With(telemetry.WithGlobal(), telemetry.WithTracerProvider(provider), telemetry.WithMeterProvider(noop.NewMeterProvider())),
		service.WithUnaryInterceptors(lookUp),
		service.WithLogger(slog.New(slog.DiscardHandler)),
	)...)
	if err != nil {
		fmt.Println(err)
		return
	}
	svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/echo/7", nil))
	if err := svc.Close(); err != nil {
		fmt.Println(err)
	}
	names := map[trace.SpanID]string{}
	for _, span := range recorder.Started() {
		names[span.SpanContext().SpanID()] = span.Name()
		if span.Name() == "look up" {
			fmt.Println(span.Name(), "in", names[span.Parent().SpanID()])
		}
	}
	// Output: look up in test.v1.EchoService/Echo
}

// BenchmarkRequest measures a request within this process.
// discard is a processor of spans that drops them.
type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }

// BenchmarkRequest measures a request without the export of its spans.
func BenchmarkRequest(b *testing.B) {
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(discard{}))
	for name, options := range map[string][]service.Option{"plain": nil, "traced": {telemetry.With(telemetry.WithTracerProvider(tracers))}} {
		b.Run(name, func(b *testing.B) {
			b.Setenv("OTEL_METRICS_EXPORTER", "none")
			svc, err := service.New(b.Context(), transport.InProcess(), append(append(testservice.Options(),
				service.WithLogger(slog.New(slog.DiscardHandler))), options...)...)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
			b.StopTimer()
			if err := svc.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
