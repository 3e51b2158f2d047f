// Package example lists the example services that the function and the local
// server serve. To serve something else, change the list.
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
