// Command original is the design that this project started from: a gateway and a
// gRPC server on a socket with a fixed path, with grpc-go's defaults, behind
// aws-lambda-go-api-proxy's httpadapter.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
)

func main() {
	mux, err := gateway(context.Background())
	if err != nil {
		log.Fatalf("original: %v", err)
	}
	lambda.Start(httpadapter.NewV2(mux).ProxyWithContext)
}

func gateway(ctx context.Context) (*runtime.ServeMux, error) {
	path := filepath.Join(os.TempDir(), "grpc.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	examplev1.RegisterPingServiceServer(server, ping.Service{})
	go func() { log.Printf("original: serving: %v", server.Serve(listener)) }()

	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("creating client: %w", err)
	}
	mux := runtime.NewServeMux()
	return mux, examplev1.RegisterPingServiceHandler(ctx, mux, conn)
}
