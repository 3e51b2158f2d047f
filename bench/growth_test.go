package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/echo"
)

// BenchmarkGrowth handles an event with the whole stack of the function, while one
// quantity grows to n:
//
//   - bytes: the length of the text in the request and in the response;
//   - messages: the messages of a server stream;
//   - methods: the registered methods, in up to 100 services, of which the first is
//     called;
//   - interceptors: the user's interceptors, in addition to those of package service;
//   - headers: the headers of the request, which become metadata.
func BenchmarkGrowth(b *testing.B) {
	for _, g := range growths() {
		for _, n := range g.counts {
			for _, name := range []string{"inproc", "unix"} {
				b.Run(fmt.Sprintf("of=%s/n=%d/transport=%s", g.of, n, name), func(b *testing.B) {
					e, body, options := g.prepare(n)
					s, err := newService(b.Context(), parse(b, name), options...)
					must(b, err)
					defer func() { must(b, s.Close()) }()
					answers(b, event.NewHandler(s), e, body)
				})
			}
		}
	}
}

// A growth returns, for n, the event, the minimum length of the response body, and
// the services.
type growth struct {
	of      string
	counts  []int
	prepare func(n int) (e httpEvent, body int, options []service.Option)
}

func growths() []growth {
	ping := httpEvent{method: http.MethodGet, path: "/v1/ping"}
	return []growth{
		{"bytes", []int{1 << 10, 16 << 10, 256 << 10, 5 << 20}, func(n int) (httpEvent, int, []service.Option) {
			text := strings.Repeat("payload ", n/8)
			return httpEvent{method: http.MethodPost, path: "/v1/echo/7", body: `{"text":"` + text + `"}`}, n, nil
		}},
		{"messages", []int{1, 10, 100, 1000, 10000}, func(n int) (httpEvent, int, []service.Option) {
			e := httpEvent{method: http.MethodGet, path: "/v1/echo/7/stream", query: fmt.Sprintf("count=%d", n)}
			return e, n * len(`{"result":{}}`), nil
		}},
		{"methods", []int{1, 10, 100, 1000}, func(n int) (httpEvent, int, []service.Option) {
			return httpEvent{method: http.MethodGet, path: "/v1/methods/0"}, len(`{}`), methods(n)
		}},
		{"interceptors", []int{0, 1, 5, 20}, func(n int) (httpEvent, int, []service.Option) {
			next := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				return next(ctx, request)
			}
			var options []service.Option
			for range n {
				options = append(options, service.WithUnaryInterceptors(next))
			}
			return ping, len(`{"message":"Pong"}`), options
		}},
		{"headers", []int{1, 10, 100}, func(n int) (httpEvent, int, []service.Option) {
			e := ping
			for i := range n {
				e.headers = append(e.headers, fmt.Sprintf("x-bench-%d", i))
			}
			return e, len(`{"message":"Pong"}`), []service.Option{service.WithRequestHeaders(e.headers...)}
		}},
	}
}

// counter is the example's echo service without the limit of 1000 messages.
type counter struct{ echo.Service }

func (counter) EchoStream(r *examplev1.EchoStreamRequest, stream grpc.ServerStreamingServer[examplev1.EchoStreamResponse]) error {
	for i := range r.GetCount() {
		if err := stream.Send(&examplev1.EchoStreamResponse{Id: r.GetId(), Sequence: i + 1}); err != nil {
			return err
		}
	}
	return nil
}

// methods returns n methods in up to 100 services, each with its own path.
func methods(n int) []service.Option {
	services := min(n, 100)
	var options []service.Option
	for i := range services {
		description := grpc.ServiceDesc{ServiceName: fmt.Sprintf("bench.v1.Service%d", i), HandlerType: (*any)(nil)}
		paths := map[string]string{}
		for j := i; j < n; j += services {
			name := fmt.Sprintf("Method%d", j)
			description.Methods = append(description.Methods, grpc.MethodDesc{MethodName: name, Handler: answerEmpty})
			paths[fmt.Sprintf("/v1/methods/%d", j)] = "/" + description.ServiceName + "/" + name
		}
		options = append(options, service.Bind(
			func(r grpc.ServiceRegistrar, impl any) { r.RegisterService(&description, impl) },
			func(cc grpc.ClientConnInterface) grpc.ClientConnInterface { return cc },
			func(_ context.Context, mux *runtime.ServeMux, cc grpc.ClientConnInterface) error {
				return route(mux, cc, paths)
			},
			any(struct{}{}),
		))
	}
	return options
}

func answerEmpty(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	request := new(emptypb.Empty)
	if err := decode(request); err != nil {
		return nil, err
	}
	handler := func(context.Context, any) (any, error) { return new(emptypb.Empty), nil }
	return intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: "/bench.v1.Service0/Method0"}, handler)
}

// route registers a GET handler for each path, which calls the path's method as a
// generated gateway does.
func route(mux *runtime.ServeMux, cc grpc.ClientConnInterface, paths map[string]string) error {
	for path, method := range paths {
		err := mux.HandlePath(http.MethodGet, path, func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
			in, out := runtime.MarshalerForRequest(mux, r)
			ctx, err := runtime.AnnotateContext(r.Context(), mux, r, method)
			answer := new(emptypb.Empty)
			if err == nil {
				err = cc.Invoke(ctx, method, new(emptypb.Empty), answer)
			}
			if err != nil {
				runtime.HTTPError(r.Context(), mux, in, w, r, err)
				return
			}
			runtime.ForwardResponseMessage(ctx, mux, out, w, r, answer)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// httpEvent is an event of an HTTP API.
type httpEvent struct {
	method, path, query, body string
	headers                   []string
}

func (e httpEvent) payload() ([]byte, error) {
	captured, err := os.ReadFile("testdata/rest.json")
	if err != nil {
		return nil, err
	}
	var payload map[string]any
	if err := json.Unmarshal(captured, &payload); err != nil {
		return nil, err
	}
	payload["rawPath"], payload["rawQueryString"], payload["body"] = e.path, e.query, e.body
	request := payload["requestContext"].(map[string]any)["http"].(map[string]any)
	request["method"], request["path"] = e.method, e.path
	header := payload["headers"].(map[string]any)
	header["content-length"] = fmt.Sprint(len(e.body))
	for _, name := range e.headers {
		header[name] = "value"
	}
	return json.Marshal(payload)
}

// answers checks the length of the first response's body. Later responses must have
// the same bytes.
func answers(b *testing.B, h *event.Handler, e httpEvent, length int) {
	payload, err := e.payload()
	must(b, err)
	want, err := h.Invoke(b.Context(), payload)
	must(b, err)
	var got struct {
		StatusCode int
		Body       string
	}
	must(b, json.Unmarshal(want, &got))
	if got.StatusCode != http.StatusOK || len(got.Body) < length {
		b.Fatalf("answer with %d bytes, want %d: %d %.200q", len(got.Body), length, got.StatusCode, got.Body)
	}
	loop(b, func() {
		if answer, err := h.Invoke(b.Context(), payload); err != nil || !bytes.Equal(answer, want) {
			b.Fatalf("answer %.200q, %v, want %.200q", answer, err, want)
		}
	})
}
