// Package echo is the example service that returns what it is sent, at once or as a stream. It shows each kind of mapping
// between HTTP and gRPC.
package echo

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

// The bounds of a stream, both inclusive: the description of EchoStreamRequest in echo.proto promises them.
const (
	// MaxCount is how many messages a stream sends at most.
	MaxCount = 1000
	// MaxInterval is the longest time between two messages of a stream.
	MaxInterval = 10 * time.Second
)

// Service implements example.v1.EchoService. The zero value is ready to use, and safe for concurrent use.
type Service struct {
	examplev1.UnimplementedEchoServiceServer
}

// Echo returns the fields of the request. The response shares the request's slices and messages. It never fails, and does
// not look at the context.
func (Service) Echo(_ context.Context, request *examplev1.EchoRequest) (*examplev1.EchoResponse, error) {
	return &examplev1.EchoResponse{
		Id:     request.GetId(),
		Text:   request.GetText(),
		Tags:   request.GetTags(),
		Number: request.GetNumber(),
		Data:   request.GetData(),
		Time:   request.GetTime(),
		Nested: request.GetNested(),
	}, nil
}

// EchoStream sends the first message at once and each of the others an interval after the one before it.
//
// A count outside 0 to MaxCount and an interval outside 0 to MaxInterval are InvalidArgument, before any message. When the
// stream's context ends, no further message is sent and the error is its status: Canceled or DeadlineExceeded.
func (Service) EchoStream(
	request *examplev1.EchoStreamRequest, stream grpc.ServerStreamingServer[examplev1.EchoStreamResponse],
) error {
	count := request.GetCount()
	if count < 0 || count > MaxCount {
		return status.Errorf(codes.InvalidArgument, "count: %d is outside 0 to %d", count, MaxCount)
	}
	interval, err := parseInterval(request.GetInterval())
	if err != nil {
		return err
	}
	var pause time.Duration
	for sequence := int32(1); sequence <= count; sequence++ {
		if err := wait(stream.Context(), pause); err != nil {
			return err
		}
		pause = interval
		if err := stream.Send(&examplev1.EchoStreamResponse{Id: request.GetId(), Sequence: sequence}); err != nil {
			return err
		}
	}
	return nil
}

// parseInterval returns a nil interval as 0 and one that is malformed or out of bounds as a status error.
func parseInterval(interval *durationpb.Duration) (time.Duration, error) {
	if interval == nil {
		return 0, nil
	}
	if err := interval.CheckValid(); err != nil {
		return 0, status.Errorf(codes.InvalidArgument, "interval: %v", err)
	}
	// A duration beyond the 292 years of a time.Duration becomes the nearest one, which is out of bounds all the same.
	d := interval.AsDuration()
	if d < 0 || d > MaxInterval {
		return 0, status.Errorf(codes.InvalidArgument, "interval: %v is outside 0s to %v", d, MaxInterval)
	}
	return d, nil
}

// wait returns nil after d, or the status of ctx as soon as that has ended: also when d is 0.
func wait(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return nil
}
