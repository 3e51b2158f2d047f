package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/prometheus/client_golang/prometheus"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/echo"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/metrics"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// What stands between the gateway and the handlers.
const (
	// noInterceptors is the generated gateway on the bare transport.
	noInterceptors = "none"
	// serviceInterceptors is package service as the function has it: each call
	// is logged, to io.Discard here, and panics are recovered.
	serviceInterceptors = "service"
	// serviceAndMetrics is that with Prometheus metrics as well, as the local
	// server has it.
	serviceAndMetrics = "service+metrics"
)

// gateway is the example services behind their gateway.
func gateway(b *testing.B, transportName, interceptors string) http.Handler {
	switch {
	case transportName == registerServer:
		return directGateway(b)
	case interceptors == noInterceptors:
		return plainGateway(b, transportName)
	}
	var options []service.Option
	if interceptors == serviceAndMetrics {
		options = append(options, metrics.WithRegisterer(prometheus.NewRegistry()))
	}
	s, err := newService(b.Context(), parse(b, transportName), options...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func newService(ctx context.Context, t transport.Transport, options ...service.Option) (*service.Service, error) {
	options = append(options, example.Services()...)
	options = append(options, service.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	return service.New(ctx, t, options...)
}

func plainGateway(b *testing.B, transportName string) http.Handler {
	conn := open(b, transportName)
	mux := newMux()
	must(b, examplev1.RegisterPingServiceHandlerClient(context.Background(), mux, examplev1.NewPingServiceClient(conn)))
	must(b, examplev1.RegisterEchoServiceHandlerClient(context.Background(), mux, examplev1.NewEchoServiceClient(conn)))
	return mux
}

// newMux returns a mux whose answers have the same header however they came:
// grpc-gateway would add Grpc-Metadata-Content-Type to those of a connection.
func newMux() *runtime.ServeMux {
	return runtime.NewServeMux(runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }))
}

func directGateway(b *testing.B) http.Handler {
	mux := newMux()
	must(b, examplev1.RegisterPingServiceHandlerServer(context.Background(), mux, ping.Service{}))
	must(b, examplev1.RegisterEchoServiceHandlerServer(context.Background(), mux, echo.Service{}))
	return mux
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// A payload is how much text a request carries to the service and back. The
// empty one is a ping.
type payload struct {
	name string
	size int
}

func payloads() []payload {
	return []payload{{"0", 0}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}}
}

func (p payload) text() string { return strings.Repeat("payload ", p.size/8) }

// A caller makes one request again and again, as one client does, and checks
// that the answer stays the right one. What it costs itself is the least
// possible and the same for every transport: a copy of the request's struct and
// a comparison of the body.
type caller struct {
	handler http.Handler
	request *http.Request
	body    []byte
	reader  bytes.Reader
	answer  answer
	want    []byte
}

// newCaller makes the request a first time and reads its answer field by
// field. The answers after that must be the same bytes.
func newCaller(b *testing.B, h http.Handler, p payload) *caller {
	c := pinger(b, h)
	if p.size > 0 {
		c.request.Method, c.request.URL.Path = http.MethodPost, "/v1/echo/7"
		c.body = fmt.Appendf(nil, `{"text":%q}`, p.text())
		c.serve()
		var got struct{ ID, Text string }
		must(b, json.Unmarshal(c.answer.body, &got))
		if got.ID != "7" || got.Text != p.text() {
			b.Fatalf("wrong answer %.200q", c.answer.body)
		}
		c.want = bytes.Clone(c.answer.body)
	}
	must(b, c.call())
	if h := c.answer.header; len(h) != 1 || h.Get("Content-Type") != "application/json" {
		b.Fatalf("header of the answer: %v", h)
	}
	return c
}

// pinger returns a caller of a ping and makes no call yet.
func pinger(b *testing.B, h http.Handler) *caller {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost/v1/ping", nil)
	must(b, err)
	r.RemoteAddr = "203.0.113.7:4711"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "curl/8.9.1")
	return &caller{handler: h, request: r, want: []byte(`{"message":"Pong"}`), answer: answer{header: make(http.Header)}}
}

// clone returns a caller of the same request for another goroutine.
func (c *caller) clone() *caller {
	return &caller{handler: c.handler, request: c.request, body: c.body, want: c.want, answer: answer{header: make(http.Header)}}
}

func (c *caller) serve() {
	r := c.request.WithContext(c.request.Context()) // a copy
	if c.body != nil {
		c.reader.Reset(c.body)
		r.Body, r.ContentLength = io.NopCloser(&c.reader), int64(len(c.body))
	} else {
		r.Body = http.NoBody
	}
	c.answer.reset()
	c.handler.ServeHTTP(&c.answer, r)
}

func (c *caller) call() error {
	c.serve()
	if c.answer.status != http.StatusOK || !bytes.Equal(c.answer.body, c.want) {
		return fmt.Errorf("answer %d %.200q, want 200 %.200q", c.answer.status, c.answer.body, c.want)
	}
	return nil
}

// answer is an http.ResponseWriter that is used again.
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
