package telemetry_test

import (
	"context"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
)

// dialGRPC serves svc to gRPC clients and returns one.
func dialGRPC(t *testing.T, svc *service.Service, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := svc.ServeGRPC(ctx, l, options...); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		wg.Wait()
	})
	return conn
}

func TestClientsOfGRPC(t *testing.T) {
	for name, test := range map[string]struct {
		env           string
		options       []telemetry.Option
		trace, parent string
		link          string
	}{
		"are linked":   {link: clientTrace + "/" + clientSpan},
		"are followed": {options: follow(), trace: clientTrace, parent: clientSpan},
		"are ignored":  {env: "xray", options: follow()},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			t.Setenv("OTEL_PROPAGATORS", test.env)
			svc := newService(t, "inproc", telemetry.With(test.options...))
			conn := dialGRPC(t, svc)
			ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent, service.ReservedPrefix+"event-trace-id", xrayHeader)
			if _, err := testv1.NewPingServiceClient(conn).Ping(ctx, &testv1.PingRequest{}); err != nil {
				t.Fatal(err)
			}
			if err := svc.Close(); err != nil { // a foreign client may see the end before the server
				t.Fatal(err)
			}
			spans := c.taken()
			if len(spans) != 1 || spans[0].Kind != "SERVER" || spans[0].Name != "test.v1.PingService/Ping" {
				t.Fatalf("%+v, want one span of the server", spans)
			}
			s := spans[0]
			if s.Parent != test.parent || strings.Join(s.Links, " ") != test.link || test.trace != "" && s.Trace != test.trace || s.Trace == xrayTrace {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestHealthChecksHaveNoSpans(t *testing.T) {
	c := newCollector(t)
	svc := newService(t, "unix", telemetry.With())
	ask(t, svc, "GET", "/healthz", "")
	if _, err := grpc_health_v1.NewHealthClient(dialGRPC(t, svc)).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	if spans := c.taken(); len(spans) > 0 {
		t.Errorf("%+v", spans)
	}
}

// A client's trace never reaches a handler, and its baggage only if the
// environment enables it.
func TestWhatOfAClientReachesAHandler(t *testing.T) {
	for name, test := range map[string]struct{ env, baggage string }{
		"by default":        {},
		"with baggage":      {"tracecontext,baggage", "user=ann"},
		"with baggage only": {"baggage", "user=ann"},
	} {
		for _, transportName := range transports {
			t.Run(name+", "+transportName, func(t *testing.T) {
				newCollector(t)
				t.Setenv("OTEL_PROPAGATORS", test.env)
				var got context.Context
				svc := newService(t, transportName, telemetry.With(), service.WithUnaryInterceptors(
					func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
						got = ctx
						return next(ctx, req)
					}))
				ask(t, svc, "GET", "/v1/ping", "", "Traceparent", traceparent, "Tracestate", "a=b", "Baggage", "user=ann",
					"Grpc-Metadata-Traceparent", traceparent, "Grpc-Metadata-Tracestate", "a=b", "Grpc-Metadata-Baggage", "user=eve")
				span := trace.SpanContextFromContext(got)
				if !span.IsValid() || span.TraceID().String() == clientTrace {
					t.Errorf("the handler's trace is %s", span.TraceID())
				}
				md, _ := metadata.FromIncomingContext(got)
				if text := strings.Join(md["traceparent"], " "); !strings.Contains(text, span.TraceID().String()) || len(md["tracestate"]) > 0 {
					t.Errorf("the metadata has the trace %q, %q", md["traceparent"], md["tracestate"])
				}
				if b := baggage.FromContext(got).String(); b != test.baggage {
					t.Errorf("the handler's baggage is %q, want %q", b, test.baggage)
				}
			})
		}
	}
}

func TestASpanOfTheCallersIsTheParent(t *testing.T) {
	c := newCollector(t)
	svc := newService(t, "inproc", telemetry.With())
	own := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	r := httptest.NewRequestWithContext(trace.ContextWithSpanContext(t.Context(), own), "GET", "/v1/ping", nil)
	r.Header.Set("Traceparent", traceparent)
	svc.ServeHTTP(httptest.NewRecorder(), r)
	flush(t, svc)
	checkTrace(t, c.taken(), "GET /v1/ping test.v1.PingService/Ping", own.TraceID().String(), own.SpanID().String())
}
