// Command register-server serves grpc-gateway's in-process mode behind
// aws-lambda-go-api-proxy's httpadapter. It runs no interceptors.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
)

func main() {
	mux := runtime.NewServeMux()
	if err := examplev1.RegisterPingServiceHandlerServer(context.Background(), mux, ping.Service{}); err != nil {
		log.Fatalf("register-server: %v", err)
	}
	lambda.Start(httpadapter.NewV2(mux).ProxyWithContext)
}
