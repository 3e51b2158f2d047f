package transport_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// check opens t, calls a health service on it, and prints which transport
// carried the call.
func check(t transport.Transport) {
	conn, err := t.Open(context.Background(), transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) { grpc_health_v1.RegisterHealthServer(r, health{}) },
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	r, err := grpc_health_v1.NewHealthClient(conn).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(conn.Transport(), r.GetStatus(), err)
}

func ExampleUnix() {
	check(transport.Unix("")) // in os.TempDir()
	// Output: unix SERVING <nil>
}

func ExampleBufconn() {
	check(transport.Bufconn())
	// Output: bufconn SERVING <nil>
}

func ExampleInProcess() {
	check(transport.InProcess())
	// Output: inproc SERVING <nil>
}

func ExampleTCP() {
	check(transport.TCP("localhost:0"))
	// Output: tcp SERVING <nil>
}

func ExampleFirstOf() {
	check(transport.FirstOf(transport.Unix("/nonexistent"), transport.Bufconn()))
	// Output: bufconn SERVING <nil>
}

func ExampleParse() {
	t, err := transport.Parse("inproc,unix")
	if err != nil {
		fmt.Println(err)
		return
	}
	check(t)

	_, err = transport.Parse("pigeon")
	fmt.Println(err)
	// Output:
	// inproc SERVING <nil>
	// transport: "pigeon": want one of unix, bufconn, inproc, tcp, or several in order of preference, separated by commas
}

// The same configuration serves other clients on a listener of your own.
func ExampleServe() {
	config := transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) { grpc_health_v1.RegisterHealthServer(r, health{}) },
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error)
	go func() { served <- transport.Serve(ctx, l, config) }()

	client, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := grpc_health_v1.NewHealthClient(client).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(r.GetStatus(), err)
	cancel()
	fmt.Println(errors.Join(client.Close(), <-served))
	// Output:
	// SERVING <nil>
	// <nil>
}

// An existing server is served as it is.
func ExampleServerConfig() {
	server := grpc.NewServer() // with your own options
	grpc_health_v1.RegisterHealthServer(server, health{})
	conn, err := transport.Bufconn().Open(context.Background(), transport.ServerConfig{GRPC: server})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := grpc_health_v1.NewHealthClient(conn).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(r.GetStatus(), err)
	fmt.Println(conn.Close())
	// Output:
	// SERVING <nil>
	// <nil>
}
