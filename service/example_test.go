package service_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"google.golang.org/grpc"

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

// An interceptor sees the calls that come through the gateway like any other.
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

// What is logged of a call.
func ExampleWithLogger() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "grpc.start_time" || a.Key == "grpc.time_ms" {
			return slog.Attr{} // never the same twice
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
