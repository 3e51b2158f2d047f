// Command local serves the same services on this machine, or in a container.
package main

import (
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"

	"github.com/lambda-grpc/lambda-grpc-gateway/template/gen/openapi"
	"github.com/lambda-grpc/lambda-grpc-gateway/template/orders"
)

func main() {
	server.Main(append(orders.Options(), service.WithOpenAPI(openapi.Documents))...)
}
