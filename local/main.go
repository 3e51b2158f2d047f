// Command local serves the example services on this machine or in a container:
// HTTP, gRPC with reflection, Prometheus metrics, and a page that shows methods
// and calls. With -lambda it runs the function in an emulator of Lambda instead.
// The flag -help lists all settings.
package main

import (
	"github.com/lambda-grpc/lambda-grpc-gateway/gen/openapi"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example"
)

func main() {
	server.Main(append(example.Services(), service.WithOpenAPI(openapi.Documents))...)
}
