package orders

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"

	ordersv1 "github.com/lambda-grpc/lambda-grpc-gateway/template/gen/orders/v1"
)

// Options returns the services and interceptors of both programs.
func Options() []service.Option {
	return []service.Option{
		service.Bind[ordersv1.OrdersServer](ordersv1.RegisterOrdersServer, ordersv1.NewOrdersClient, ordersv1.RegisterOrdersHandlerClient, New()),
		service.WithUnaryInterceptors(RequirePrincipal),
	}
}

// RequirePrincipal is an interceptor. If a request comes through an endpoint of the function, only a caller that the
// endpoint's authorizer has identified may change an order. Clients cannot set metadata that begins with x-lambda-.
func RequirePrincipal(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	source := metadata.ValueFromIncomingContext(ctx, "x-lambda-event-source")
	principal := metadata.ValueFromIncomingContext(ctx, "x-lambda-event-authorizer-principal")
	if info.FullMethod == ordersv1.Orders_UpdateOrder_FullMethodName && len(source) > 0 && len(principal) == 0 {
		return nil, status.Error(codes.Unauthenticated, "changing an order requires a token")
	}
	return next(ctx, req)
}
