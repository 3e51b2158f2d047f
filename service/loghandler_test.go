package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// logged returns what a handler that calls log writes, without time and
// level.
func logged(t *testing.T, transportName string, reserved map[string]string, log func(context.Context, *slog.Logger), headers ...string) map[string]any {
	t.Helper()
	var out bytes.Buffer
	logger := slog.New(service.NewLogHandler(service.NewLogHandler(slog.NewJSONHandler(&out, nil))))
	tr, err := transport.Parse(transportName)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := service.New(t.Context(), tr, service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithReservedMetadata(func(context.Context) iter.Seq2[string, string] { return maps.All(reserved) }),
		bindTest(testService{get: func(ctx context.Context, _ *testv1.GetRequest) (*testv1.GetResponse, error) {
			log(ctx, logger)
			return &testv1.GetResponse{}, nil
		}}))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/test/v1/items/a", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	svc.ServeHTTP(httptest.NewRecorder(), r)
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, &out)
	}
	delete(line, "time")
	delete(line, "level")
	return line
}

func TestLogLinesOfACallHaveItsIDs(t *testing.T) {
	plain := func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m") }
	platform := map[string]string{
		"x-lambda-event-request-id": "id", "x-lambda-event-source": "http-api", "x-lambda-event-cold-start": "true",
		"x-lambda-event-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
	}
	call := func(more map[string]any) map[string]any {
		line := map[string]any{"msg": "m", "grpc.service": "test.v1.TestService", "grpc.method": "Get"}
		maps.Copy(line, more)
		return line
	}
	fromPlatform := map[string]any{"requestId": "id", "source": "http-api", "coldStart": true, "trace_id": "5759e988bd862e3fe1be46a994272793"}
	for name, test := range map[string]struct {
		reserved map[string]string
		log      func(context.Context, *slog.Logger)
		headers  []string
		want     map[string]any
	}{
		"of the platform": {platform, plain, nil, call(fromPlatform)},
		"the platform's before the client's": {platform, plain, []string{"X-Request-Id", "x", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
			call(fromPlatform)},
		"of the client": {nil, plain, []string{"X-Request-Id", "x", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
			call(map[string]any{"requestId": "x", "trace_id": "0af7651916cd43dd8448eb211c80319c"})},
		"of nobody":       {nil, plain, []string{"Traceparent", "00"}, call(nil)},
		"in another call": {nil, func(_ context.Context, l *slog.Logger) { l.Info("m") }, nil, map[string]any{"msg": "m"}},
		"beside attributes": {nil, func(ctx context.Context, l *slog.Logger) { l.With("a", 1.5).InfoContext(ctx, "m", "b", "c") }, nil,
			call(map[string]any{"a": 1.5, "b": "c"})},
		"outside of groups": {nil, func(ctx context.Context, l *slog.Logger) {
			l.With("a", "b").WithGroup("").WithGroup("g").With("c", "d").WithGroup("h").InfoContext(ctx, "m", "e", "f")
		}, []string{"X-Request-Id", "x"}, call(map[string]any{"requestId": "x", "a": "b", "g": map[string]any{"c": "d", "h": map[string]any{"e": "f"}}})},
	} {
		for _, transportName := range []string{"inproc", "bufconn", "unix", "tcp"} {
			t.Run(name+", "+transportName, func(t *testing.T) {
				if diff := cmp.Diff(test.want, logged(t, transportName, test.reserved, test.log, test.headers...)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestFinishedCallHasASource(t *testing.T) {
	var out bytes.Buffer
	svc, err := service.New(t.Context(), transport.InProcess(), bindTest(testService{}),
		service.WithLogger(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{AddSource: true}))))
	if err != nil {
		t.Fatal(err)
	}
	svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/test/v1/items/a", nil))
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Msg    string
		Source slog.Source
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, &out)
	}
	if line.Msg != "finished call" || !strings.Contains(line.Source.Function, "/service.") || line.Source.Line == 0 {
		t.Errorf("%+v", line)
	}
}

// BenchmarkLine measures one log line within a call, with and without the
// handler.
func BenchmarkLine(b *testing.B) {
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"plain": func(h slog.Handler) slog.Handler { return h },
		"ids":   service.NewLogHandler,
	} {
		b.Run(name, func(b *testing.B) {
			logger := slog.New(wrap(slog.NewJSONHandler(discard{}, nil)))
			svc, err := service.New(b.Context(), transport.InProcess(), service.WithLogger(slog.New(slog.DiscardHandler)),
				service.WithReservedMetadata(func(context.Context) iter.Seq2[string, string] {
					return maps.All(map[string]string{
						"x-lambda-event-request-id": "JKJaXmPLvHcESHA=", "x-lambda-event-source": "http-api",
						"x-lambda-event-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
					})
				}),
				bindTest(testService{get: func(ctx context.Context, _ *testv1.GetRequest) (*testv1.GetResponse, error) {
					b.ReportAllocs()
					for b.Loop() {
						logger.InfoContext(ctx, "a line of a handler's", "order", 7)
					}
					return &testv1.GetResponse{}, nil
				}}))
			if err != nil {
				b.Fatal(err)
			}
			svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/test/v1/items/a", nil))
			if err := svc.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// discard is a writer that drops the output. slog.JSONHandler still formats
// it.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
