package probe

import (
	"context"
	"encoding/json"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// Services is an EchoService that does what the id of a request asks for. Its
// interceptor allows the id "secret" only to callers to which an authorizer has
// given the scope "read" or the principal "alice".
func Services() []service.Option {
	return []service.Option{
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
			testv1.RegisterEchoServiceHandlerClient, echo{}),
		service.Bind[testv1.TestServiceServer](testv1.RegisterTestServiceServer, testv1.NewTestServiceClient,
			testv1.RegisterTestServiceHandlerClient, items{}),
		service.WithUnaryInterceptors(authorize),
	}
}

func authorize(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	scopes := metadata.ValueFromIncomingContext(ctx, eventmd.Prefix+"authorizer-scope")
	principals := metadata.ValueFromIncomingContext(ctx, eventmd.Prefix+"authorizer-principal")
	r, ok := request.(*testv1.EchoRequest)
	if ok && r.GetId() == "secret" && !slices.Contains(scopes, "read") && !slices.Contains(principals, "alice") {
		return nil, status.Error(codes.PermissionDenied, "not for you")
	}
	return next(ctx, request)
}

type echo struct {
	testv1.UnimplementedEchoServiceServer
}

// Echo answers with the metadata that it sees, in JSON, unless the id asks for
// something else.
func (echo) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	switch r.GetId() {
	case "sleep":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "panic":
		panic("the secret is 42")
	case "internal":
		return nil, status.Error(codes.Internal, "the secret is 42")
	case "unauthenticated":
		return nil, status.Error(codes.Unauthenticated, "who\r\nX-Injected: 1")
	case "headers":
		return &testv1.EchoResponse{}, grpc.SetHeader(ctx, metadata.Pairs("x-inside", "1", "retry-after", "7"))
	}
	md, _ := metadata.FromIncomingContext(ctx)
	text, err := json.Marshal(md)
	return &testv1.EchoResponse{Id: r.GetId(), Text: string(text)}, err
}

// EchoStream sends messages and then fails.
func (echo) EchoStream(r *testv1.EchoStreamRequest, stream grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
	for i := range r.GetCount() {
		if err := stream.Send(&testv1.EchoStreamResponse{Id: r.GetId(), Sequence: i + 1}); err != nil {
			return err
		}
	}
	if r.GetId() == "panic" {
		panic("the secret is 42")
	}
	return status.Error(codes.Unavailable, "that was all")
}
