// Command connect serves the example's PingService with connect-go, behind
// aws-lambda-go-api-proxy's httpadapter. It serves RPCs but not REST.
package main

import (
	"context"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

func main() {
	server := connect.NewServer()
	server.Register(connect.Method{
		Spec:    connect.Spec{Procedure: "/example.v1.PingService/Ping"},
		Handler: ping,
	})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	lambda.Start(httpadapter.NewV2(mux).ProxyWithContext)
}

func ping(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
	if err := stream.Receive(new(examplev1.PingRequest)); err != nil {
		return err
	}
	return stream.Send(&examplev1.PingResponse{Message: "Pong"})
}
