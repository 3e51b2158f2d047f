package inproc

import (
	"context"

	"google.golang.org/grpc"
)

// chainUnary combines interceptors into one, the first one outermost. It
// returns nil for none, so that generated code calls the method directly.
func chainUnary(chain []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	switch len(chain) {
	case 0:
		return nil
	case 1:
		return chain[0]
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return chain[0](ctx, req, info, nextUnary(chain[1:], info, handler))
	}
}

func nextUnary(chain []grpc.UnaryServerInterceptor, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) grpc.UnaryHandler {
	if len(chain) == 0 {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		return chain[0](ctx, req, info, nextUnary(chain[1:], info, handler))
	}
}

func chainStream(chain []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	switch len(chain) {
	case 0:
		return nil
	case 1:
		return chain[0]
	}
	return func(impl any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return chain[0](impl, stream, info, nextStream(chain[1:], info, handler))
	}
}

func nextStream(chain []grpc.StreamServerInterceptor, info *grpc.StreamServerInfo, handler grpc.StreamHandler) grpc.StreamHandler {
	if len(chain) == 0 {
		return handler
	}
	return func(impl any, stream grpc.ServerStream) error {
		return chain[0](impl, stream, info, nextStream(chain[1:], info, handler))
	}
}
