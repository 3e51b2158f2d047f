// Package example binds the example services. It is the one place that says
// what the function and the local server serve: to serve something else,
// change it here.
package example

import (
	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/echo"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
)

// Services returns PingService and EchoService with their gateways.
func Services() []service.Option {
	return []service.Option{
		service.Bind[examplev1.PingServiceServer](
			examplev1.RegisterPingServiceServer,
			examplev1.NewPingServiceClient,
			examplev1.RegisterPingServiceHandlerClient,
			ping.Service{},
		),
		service.Bind[examplev1.EchoServiceServer](
			examplev1.RegisterEchoServiceServer,
			examplev1.NewEchoServiceClient,
			examplev1.RegisterEchoServiceHandlerClient,
			echo.Service{},
		),
	}
}
