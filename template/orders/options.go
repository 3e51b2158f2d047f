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

// Options is what both programs serve: the services, and the interceptors around them.
func Options() []service.Option {
	return []service.Option{
		service.Bind[ordersv1.OrdersServer](ordersv1.RegisterOrdersServer, ordersv1.NewOrdersClient, ordersv1.RegisterOrdersHandlerClient, New()),
		service.WithUnaryInterceptors(RequirePrincipal),
	}
}

// RequirePrincipal is an interceptor. Of the callers that come through an endpoint of the function, it lets those change an
// order whom the endpoint's authorizer has identified. The metadata under x-lambda- is the endpoint's: no client can set it.
func RequirePrincipal(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	source := metadata.ValueFromIncomingContext(ctx, "x-lambda-event-source")
	principal := metadata.ValueFromIncomingContext(ctx, "x-lambda-event-authorizer-principal")
	if info.FullMethod == ordersv1.Orders_UpdateOrder_FullMethodName && len(source) > 0 && len(principal) == 0 {
		return nil, status.Error(codes.Unauthenticated, "changing an order requires a token")
	}
	return next(ctx, req)
}
