// Package ping is the smallest example service. Its response shows that a
// request has passed through the gateway, the transport and the interceptors.
package ping

import (
	"context"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

// Service implements example.v1.PingService. The zero value is ready to use, and safe for concurrent use.
type Service struct {
	examplev1.UnimplementedPingServiceServer
}

// Ping returns "Pong". It never fails and does not look at the context.
func (Service) Ping(context.Context, *examplev1.PingRequest) (*examplev1.PingResponse, error) {
	return &examplev1.PingResponse{Message: "Pong"}, nil
}
