package recipes_test

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// requireRole lets callers through whose token has the role, for unary calls.
func requireRole(role string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := checkRole(ctx, role); err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

// requireRoleOfStreams is requireRole for streams.
func requireRoleOfStreams(role string) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if err := checkRole(stream.Context(), role); err != nil {
			return err
		}
		return next(srv, stream)
	}
}

func checkRole(ctx context.Context, role string) error {
	var claims map[string]string
	for _, v := range metadata.ValueFromIncomingContext(ctx, eventmd.Prefix+"authorizer-claims") {
		if err := json.Unmarshal([]byte(v), &claims); err != nil {
			return status.Errorf(codes.Internal, "reading the claims: %v", err)
		}
	}
	if claims == nil {
		return status.Error(codes.Unauthenticated, "a token is required")
	}
	if claims["role"] != role {
		return status.Errorf(codes.PermissionDenied, "the role %q is required", role)
	}
	return nil
}

func Example_claims() {
	svc := open(bindOrders(orders{}),
		service.WithReservedMetadata(eventmd.FromContext), // function.Main has it already
		service.WithUnaryInterceptors(requireRole("admin")),
		service.WithStreamInterceptors(requireRoleOfStreams("admin")),
	)
	defer svc.Close()
	function := event.NewHandler(svc)
	for _, authorizer := range []string{
		`{"jwt": {"claims": {"sub": "alice", "role": "admin"}}}`,
		`{"jwt": {"claims": {"sub": "bob", "role": "reader"}}}`,
		`null`,
	} {
		for _, path := range []string{"/v1/orders/1", "/v1/orders/1:watch"} {
			response, err := function.Invoke(context.Background(), []byte(`{
				"version": "2.0",
				"rawPath": "`+path+`",
				"headers": {"x-lambda-event-authorizer-claims": "{\"role\":\"admin\"}"},
				"requestContext": {"http": {"method": "GET", "path": "`+path+`"}, "authorizer": `+authorizer+`}
			}`))
			var answer struct{ StatusCode int }
			fmt.Println(json.Unmarshal(response, &answer), err, answer.StatusCode)
		}
	}
	// Output:
	// <nil> <nil> 200
	// <nil> <nil> 200
	// <nil> <nil> 403
	// <nil> <nil> 403
	// <nil> <nil> 401
	// <nil> <nil> 401
}
