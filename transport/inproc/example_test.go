package inproc_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// Services are registered and called as with a grpc.Server and a connection
// to it.
func Example() {
	logged := func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		reply, err := handler(ctx, req)
		fmt.Println(info.FullMethod, status.Code(err))
		return reply, err
	}
	server := inproc.NewServer(inproc.Config{
		UnaryInterceptors: []grpc.UnaryServerInterceptor{logged},
	})
	healthpb.RegisterHealthServer(server, health.NewServer())
	conn := server.Connect()

	client := healthpb.NewHealthClient(conn)
	reply, err := client.Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(reply.GetStatus(), err)
	_, err = client.Check(context.Background(), &healthpb.HealthCheckRequest{Service: "unheard.of"})
	fmt.Println(status.Code(err))

	server.GracefulStop()
	_, err = client.Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(status.Code(err) == codes.Unavailable)

	// Output:
	// /grpc.health.v1.Health/Check OK
	// SERVING <nil>
	// /grpc.health.v1.Health/Check NotFound
	// NotFound
	// true
}
