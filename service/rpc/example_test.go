package rpc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"google.golang.org/grpc"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A Handler accepts any channel, such as a [grpc.ClientConn].
func ExampleNewHandler() {
	var services map[string]grpc.ServiceInfo
	conn, err := transport.Bufconn().Open(context.Background(), transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
		testv1.RegisterEchoServiceServer(r, testservice.EchoService{})
		if server, ok := r.(*grpc.Server); ok {
			services = server.GetServiceInfo()
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	h, err := rpc.NewHandler(conn, services, rpc.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/test.v1.EchoService/Echo", strings.NewReader(`{"text":"hello"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.ReplaceAll(w.Body.String(), " ", "")) // protojson adds spaces at random
	// Output: 200 {"text":"hello"}
}
