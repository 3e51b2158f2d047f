package service_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func bindPing() service.Option {
	return service.Bind[testv1.PingServiceServer](
		testv1.RegisterPingServiceServer,
		testv1.NewPingServiceClient,
		testv1.RegisterPingServiceHandlerClient,
		testservice.PingService{},
	)
}

// Bind takes three functions of the generated code and the implementation.
func ExampleBind() {
	options := []service.Option{
		service.Bind[testv1.PingServiceServer](
			testv1.RegisterPingServiceServer,
			testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient,
			testservice.PingService{},
		),
		service.WithLogger(slog.New(slog.DiscardHandler)),
	}
	for name := range service.Bound(options...) {
		fmt.Println(name)
	}
	svc, err := service.New(context.Background(), transport.InProcess(), options...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	w := httptest.NewRecorder()
	svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
	fmt.Println(w.Body)
	// Output:
	// test.v1.PingService
	// {"message":"Pong"}
}

// An option of grpc-gateway's mux sets the status of successful responses.
func ExampleWithMuxOptions() {
	created := func(_ context.Context, w http.ResponseWriter, _ proto.Message) error {
		w.WriteHeader(http.StatusCreated)
		return nil
	}
	svc, err := service.New(context.Background(), transport.InProcess(), bindPing(),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithMuxOptions(runtime.WithForwardResponseOption(created)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	w := httptest.NewRecorder()
	svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 201 {"message":"Pong"}
}

// Only programs that use reflection import its package.
func ExampleWithReflection() {
	svc, err := service.New(context.Background(), transport.InProcess(), bindPing(),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithReflection(reflection.Register))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(svc.Conn()).ServerReflectionInfo(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	request := &grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}
	if err := stream.Send(request); err != nil {
		fmt.Println(err)
		return
	}
	response, err := stream.Recv()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range response.GetListServicesResponse().GetService() {
		fmt.Println(s.GetName())
	}
	fmt.Println(stream.CloseSend())
	// Output:
	// grpc.health.v1.Health
	// grpc.reflection.v1.ServerReflection
	// grpc.reflection.v1alpha.ServerReflection
	// test.v1.PingService
	// <nil>
}

// Browsers may call from the pages of one site, with its cookies.
func ExampleWithCORS() {
	svc, err := service.New(context.Background(), transport.InProcess(), bindPing(),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithCORS("https://shop.example.com"), service.WithCORSCredentials())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	for _, origin := range []string{"https://shop.example.com", "https://other.example"} {
		r := httptest.NewRequest(http.MethodGet, "/v1/ping", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		svc.ServeHTTP(w, r)
		fmt.Printf("%q %q\n", w.Header().Get("Access-Control-Allow-Origin"), w.Header().Get("Access-Control-Allow-Credentials"))
	}
	// Output:
	// "https://shop.example.com" "true"
	// "" ""
}

func ExampleNew() {
	svc, err := service.New(context.Background(), transport.Bufconn(), bindPing(),
		service.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	server := httptest.NewServer(svc) // or event.NewHandler(svc), for Lambda
	defer server.Close()

	response, err := http.Get(server.URL + "/v1/ping")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Printf("%d %s %v\n", response.StatusCode, body, err)
	// Output: 200 {"message":"Pong"} <nil>
}

// An interceptor sees all calls, including those of the gateway.
func ExampleWithUnaryInterceptors() {
	svc, err := service.New(context.Background(), transport.InProcess(), bindPing(),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithUnaryInterceptors(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			fmt.Println(info.FullMethod)
			return next(ctx, req)
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	w := httptest.NewRecorder()
	svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
	fmt.Println(w.Body)
	// Output:
	// /test.v1.PingService/Ping
	// {"message":"Pong"}
}

// Each call is logged once, when it ends.
func ExampleWithLogger() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "grpc.start_time" || a.Key == "grpc.time_ms" {
			return slog.Attr{} // differs from run to run
		}
		return a
	}}))
	svc, err := service.New(context.Background(), transport.InProcess(), bindPing(), service.WithLogger(log))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	r := httptest.NewRequest(http.MethodGet, "/v1/ping", nil)
	r.Header.Set("X-Request-Id", "42")
	svc.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// level=INFO msg="finished call" transport=inproc peer.address=192.0.2.1 grpc.method_type=unary grpc.code=OK requestId=42 grpc.service=test.v1.PingService grpc.method=Ping
}
