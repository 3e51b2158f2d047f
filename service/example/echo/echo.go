// Package echo is an example service that returns what it receives, at once
// or as a stream. It shows each kind of mapping between HTTP and gRPC.
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

// These are the inclusive limits of a stream, as documented for
// EchoStreamRequest in echo.proto.
const (
	// MaxCount is the largest number of messages in a stream.
	MaxCount = 1000
	// MaxInterval is the longest time between two messages of a stream.
	MaxInterval = 10 * time.Second
)

// Service implements example.v1.EchoService. The zero value is ready to use, and safe for concurrent use.
type Service struct {
	examplev1.UnimplementedEchoServiceServer
}

// Echo returns the fields of the request. The response shares the request's
// slices and messages. Echo never fails and does not look at the context.
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

// EchoStream sends the first message at once, and each further message an
// interval after the one before it.
//
// It returns InvalidArgument, before any message, if the count is outside 0
// to MaxCount or the interval is outside 0 to MaxInterval. When the stream's
// context ends it sends nothing more and returns Canceled or
// DeadlineExceeded.
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

// parseInterval returns the interval, with nil as 0, or a status error if it
// is malformed or out of bounds.
func parseInterval(interval *durationpb.Duration) (time.Duration, error) {
	if interval == nil {
		return 0, nil
	}
	if err := interval.CheckValid(); err != nil {
		return 0, status.Errorf(codes.InvalidArgument, "interval: %v", err)
	}
	// AsDuration clamps a duration beyond 292 years, and the result is still
	// out of bounds.
	d := interval.AsDuration()
	if d < 0 || d > MaxInterval {
		return 0, status.Errorf(codes.InvalidArgument, "interval: %v is outside 0s to %v", d, MaxInterval)
	}
	return d, nil
}

// wait returns nil after d, or the status of ctx once that has ended. It
// checks ctx even if d is 0.
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
