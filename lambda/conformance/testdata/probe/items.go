package probe

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
)

// items has a HEAD binding of its own and path variables of several segments.
type items struct {
	testv1.UnimplementedTestServiceServer
}

// Get answers with the name that it was asked for.
func (items) Get(_ context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
	return &testv1.GetResponse{Item: &testv1.Item{Name: r.GetName()}}, nil
}

// Exists answers with a header, which tells it from Get.
func (items) Exists(ctx context.Context, _ *testv1.ExistsRequest) (*testv1.ExistsResponse, error) {
	return &testv1.ExistsResponse{}, grpc.SetHeader(ctx, metadata.Pairs("retry-after", "9"))
}
