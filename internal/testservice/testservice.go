// Package testservice implements the services that the library's own tests call. It
// is separate from the example services, so that they can change without the tests.
package testservice

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// Options binds PingService and EchoService with their gateways.
func Options() []service.Option {
	return []service.Option{
		service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient, PingService{}),
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
			testv1.RegisterEchoServiceHandlerClient, EchoService{}),
	}
}

// PingService implements test.v1.PingService.
type PingService struct {
	testv1.UnimplementedPingServiceServer
}

// Ping returns "Pong".
func (PingService) Ping(context.Context, *testv1.PingRequest) (*testv1.PingResponse, error) {
	return &testv1.PingResponse{Message: "Pong"}, nil
}

// EchoService implements test.v1.EchoService.
type EchoService struct {
	testv1.UnimplementedEchoServiceServer
}

// Echo returns the fields of the request.
func (EchoService) Echo(_ context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	return &testv1.EchoResponse{
		Id: r.GetId(), Text: r.GetText(), Tags: r.GetTags(), Number: r.GetNumber(),
		Data: r.GetData(), Time: r.GetTime(), Nested: r.GetNested(),
	}, nil
}

// EchoStream sends count messages, one every interval, until the context of the
// stream ends. It fails with InvalidArgument if count or interval is negative.
func (EchoService) EchoStream(r *testv1.EchoStreamRequest, stream grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
	interval := r.GetInterval().AsDuration()
	if r.GetCount() < 0 || interval < 0 {
		return status.Error(codes.InvalidArgument, "count and interval: want no negative number")
	}
	ctx := stream.Context()
	for sequence := int32(1); sequence <= r.GetCount(); sequence++ {
		if sequence > 1 && interval > 0 {
			select {
			case <-time.After(interval):
			case <-ctx.Done():
			}
		}
		if err := ctx.Err(); err != nil {
			return status.FromContextError(err).Err()
		}
		if err := stream.Send(&testv1.EchoStreamResponse{Id: r.GetId(), Sequence: sequence}); err != nil {
			return err
		}
	}
	return nil
}
