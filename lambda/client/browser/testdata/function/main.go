// Command function serves the EchoService that the clients in the directory
// above call: on Lambda, or in its emulator, as a function, elsewhere as a local
// server.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

func main() {
	options := []service.Option{
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
			testv1.RegisterEchoServiceHandlerClient, echo{}),
		service.WithRequestHeaders("X-In", "X-In-Bin"),
		service.WithResponseHeaders("X-Out", "X-Out-Bin", "X-End"),
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		function.Main(options...)
	}
	server.Main(options...)
}

type echo struct {
	testv1.UnimplementedEchoServiceServer
}

// Echo returns the request, unless its id asks for something else.
func (echo) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	response := &testv1.EchoResponse{
		Id: r.GetId(), Text: r.GetText(), Tags: r.GetTags(), Number: r.GetNumber(),
		Data: r.GetData(), Time: r.GetTime(), Nested: r.GetNested(),
	}
	switch r.GetId() {
	case "error":
		return nil, failure()
	case "wait":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "deadline":
		// The milliseconds that are left, or 0 without a deadline.
		if deadline, ok := ctx.Deadline(); ok {
			response.Number = time.Until(deadline).Milliseconds()
		}
	case "metadata":
		grpc.SetTrailer(ctx, trailer(ctx))
		return response, grpc.SetHeader(ctx, header(ctx))
	}
	return response, nil
}

// EchoStream sends count messages and then does what the id asks for. If the id
// is a URL, EchoStream asks it before each further message whether the client has
// received the one before, and then waits for the interval.
func (echo) EchoStream(r *testv1.EchoStreamRequest, stream grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
	ctx := stream.Context()
	if r.GetId() == "metadata" {
		stream.SetTrailer(trailer(ctx))
		if err := stream.SetHeader(header(ctx)); err != nil {
			return err
		}
	}
	for sequence := int32(1); sequence <= r.GetCount(); sequence++ {
		if sequence > 1 && strings.HasPrefix(r.GetId(), "http://") {
			if err := awaitReceipt(ctx, r.GetId(), sequence-1); err != nil {
				return err
			}
			select {
			case <-time.After(r.GetInterval().AsDuration()):
			case <-ctx.Done():
				return status.FromContextError(ctx.Err()).Err()
			}
		}
		if err := stream.Send(&testv1.EchoStreamResponse{Id: r.GetId(), Sequence: sequence}); err != nil {
			return err
		}
	}
	switch r.GetId() {
	case "error":
		return failure()
	case "wait":
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}
	return nil
}

// awaitReceipt returns when url has answered that the client has a message.
func awaitReceipt(ctx context.Context, url string, sequence int32) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s&sequence=%d", url, sequence), nil)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return status.Errorf(codes.FailedPrecondition, "the client did not receive message %d before the next one", sequence)
	}
	return nil
}

// failure is an error with two details and a message that is not ASCII.
func failure() error {
	s, err := status.New(codes.NotFound, "no echo in the café: 50% off").
		WithDetails(&testv1.EchoNested{Name: "shelf", Count: 7}, durationpb.New(1500*time.Millisecond))
	if err != nil {
		return err
	}
	return s.Err()
}

// header returns what the client sent, and a key that is not in WithResponseHeaders.
func header(ctx context.Context) metadata.MD {
	return metadata.MD{
		"x-out":     metadata.ValueFromIncomingContext(ctx, "x-in"),
		"x-out-bin": metadata.ValueFromIncomingContext(ctx, "x-in-bin"),
		"x-hidden":  {"1"},
	}
}

func trailer(ctx context.Context) metadata.MD {
	return metadata.MD{"x-end": metadata.ValueFromIncomingContext(ctx, "x-in"), "x-hidden": {"1"}}
}
