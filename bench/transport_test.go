package bench_test

import (
	"os"
	"testing"

	"google.golang.org/grpc"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func transports() []string { return []string{"unix", "bufconn", "inproc", "tcp"} }

// parse returns the transport with the given name. Its sockets are in an empty
// directory, like /tmp on Lambda.
func parse(b *testing.B, name string) transport.Transport {
	if name == "unix" {
		dir, err := os.MkdirTemp("", "bench") // shorter than b.TempDir, because the length of a socket's path is limited
		must(b, err)
		b.Cleanup(func() { must(b, os.RemoveAll(dir)) })
		return transport.Unix(dir)
	}
	t, err := transport.Parse(name)
	must(b, err)
	return t
}

// open opens a transport with the example's ping service and no interceptors.
func open(b *testing.B, name string) transport.Conn {
	conn, err := parse(b, name).Open(b.Context(), transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
		examplev1.RegisterPingServiceServer(r, ping.Service{})
	}})
	must(b, err)
	b.Cleanup(func() { must(b, conn.Close()) })
	return conn
}

// BenchmarkUnary measures a ping over the Conn, without a gateway.
func BenchmarkUnary(b *testing.B) {
	for _, name := range transports() {
		b.Run("transport="+name, func(b *testing.B) {
			client := examplev1.NewPingServiceClient(open(b, name))
			loop(b, func() {
				r, err := client.Ping(b.Context(), &examplev1.PingRequest{})
				if err != nil || r.GetMessage() != "Pong" {
					b.Fatalf("%v, %v", r, err)
				}
			})
		})
	}
}
