package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// registerServer is the name of the gateway without a transport.
const registerServer = "register-server"

// gateway returns the generated gateway over a transport, or without one.
func gateway(b *testing.B, transportName string) http.Handler {
	// Without the option, grpc-gateway adds Grpc-Metadata-Content-Type only to
	// responses from a connection.
	mux := runtime.NewServeMux(runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }))
	if transportName == registerServer {
		must(b, examplev1.RegisterPingServiceHandlerServer(b.Context(), mux, ping.Service{}))
	} else {
		client := examplev1.NewPingServiceClient(open(b, transportName))
		must(b, examplev1.RegisterPingServiceHandlerClient(b.Context(), mux, client))
	}
	return mux
}

// newService returns a Service with the options. It discards its logs.
func newService(ctx context.Context, t transport.Transport, options ...service.Option) (*service.Service, error) {
	options = append(options,
		service.Bind[examplev1.PingServiceServer](
			examplev1.RegisterPingServiceServer, examplev1.NewPingServiceClient, examplev1.RegisterPingServiceHandlerClient, ping.Service{},
		),
		service.Bind[examplev1.EchoServiceServer](
			examplev1.RegisterEchoServiceServer, examplev1.NewEchoServiceClient, examplev1.RegisterEchoServiceHandlerClient, counter{},
		),
		service.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	)
	return service.New(ctx, t, options...)
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// loop times call. Where possible, it reports the CPU time of all threads for one
// call as cpu-ns.
func loop(b *testing.B, call func()) {
	b.ReportAllocs()
	before, n := ownCPUTime(), 0
	for b.Loop() {
		call()
		n++
	}
	if used := ownCPUTime() - before; used > 0 {
		b.ReportMetric(float64(used)/float64(n), "cpu-ns")
	}
}

// A caller repeats one ping and checks the responses. Its own cost is small and the
// same for every handler: a copy of the request's struct and a comparison of the
// body.
type caller struct {
	handler http.Handler
	request *http.Request
	answer  answer
}

func newCaller(h http.Handler) *caller {
	r := httptest.NewRequest(http.MethodGet, "/v1/ping", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "curl/8.9.1")
	return &caller{handler: h, request: r, answer: answer{header: make(http.Header)}}
}

// newPing returns a caller after one ping, whose response header it has checked.
func newPing(b *testing.B, h http.Handler) *caller {
	c := newCaller(h)
	must(b, c.call())
	if h := c.answer.header; len(h) != 1 || h.Get("Content-Type") != "application/json" {
		b.Fatalf("header of the answer: %v", h)
	}
	return c
}

func (c *caller) call() error {
	c.answer.reset()
	c.handler.ServeHTTP(&c.answer, c.request.WithContext(c.request.Context())) // a copy
	if want := `{"message":"Pong"}`; c.answer.status != http.StatusOK || !bytes.Equal(c.answer.body, []byte(want)) {
		return fmt.Errorf("response %d %.200q, want 200 %q", c.answer.status, c.answer.body, want)
	}
	return nil
}

// answer is a reusable http.ResponseWriter.
type answer struct {
	header http.Header
	status int
	body   []byte
}

func (a *answer) reset() {
	clear(a.header)
	a.status, a.body = 0, a.body[:0]
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, p...)
	return len(p), nil
}
