package probe

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
)

// CollectPath is where the client-streaming method of [Services] is bound. It
// answers with the texts of all messages.
const CollectPath = "/test/v1/items:collect"

// items has a HEAD binding of its own, path variables of several segments and a
// client stream.
type items struct {
	testv1.UnimplementedTestServiceServer
}

// Get answers with the name that it was asked for.
func (items) Get(_ context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
	return &testv1.GetResponse{Item: &testv1.Item{Name: r.GetName()}}, nil
}

// Exists answers with a header, by which tests distinguish it from Get.
func (items) Exists(ctx context.Context, _ *testv1.ExistsRequest) (*testv1.ExistsResponse, error) {
	return &testv1.ExistsResponse{}, grpc.SetHeader(ctx, metadata.Pairs("retry-after", "9"))
}

// Collect fails as soon as a text that begins with "fail:" arrives. The rest of
// the text is the message of its error.
func (items) Collect(stream grpc.ClientStreamingServer[testv1.CollectRequest, testv1.CollectResponse]) error {
	var texts []string
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&testv1.CollectResponse{Texts: texts})
		}
		if err != nil {
			return err
		}
		if reason, fail := strings.CutPrefix(message.GetText(), "fail:"); fail {
			return status.Error(codes.FailedPrecondition, reason)
		}
		texts = append(texts, message.GetText())
	}
}
