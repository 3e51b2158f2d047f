package grpchan_test

import (
	"context"
	"errors"
	"testing"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// BenchmarkChannel measures a ping over the Conn, without a gateway. The client's
// context can be canceled, like the context of an HTTP request.
func BenchmarkChannel(b *testing.B) {
	for _, t := range []transport.Transport{transport.InProcess(), inprocgrpcTransport{}, transport.Bufconn()} {
		b.Run("transport="+t.Name(), func(b *testing.B) {
			conn, err := t.Open(b.Context(), transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
				examplev1.RegisterPingServiceServer(r, pingService{})
			}})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := conn.Close(); err != nil {
					b.Error(err)
				}
			}()
			client := examplev1.NewPingServiceClient(conn)
			b.ReportAllocs()
			for b.Loop() {
				r, err := client.Ping(b.Context(), &examplev1.PingRequest{})
				if err != nil || r.GetMessage() != "Pong" {
					b.Fatalf("%v, %v", r, err)
				}
			}
		})
	}
}

type pingService struct {
	examplev1.UnimplementedPingServiceServer
}

func (pingService) Ping(context.Context, *examplev1.PingRequest) (*examplev1.PingResponse, error) {
	return &examplev1.PingResponse{Message: "Pong"}, nil
}

// inprocgrpcTransport serves the benchmarks' services on an inprocgrpc.Channel.
type inprocgrpcTransport struct{}

func (inprocgrpcTransport) Name() string { return "inprocgrpc" }

func (inprocgrpcTransport) Open(_ context.Context, s transport.ServerConfig) (transport.Conn, error) {
	if s.Register == nil {
		return nil, errors.New("inprocgrpc: Register is not set")
	}
	channel := new(inprocgrpc.Channel)
	s.Register(channel)
	return inprocgrpcConn{channel}, nil
}

type inprocgrpcConn struct{ *inprocgrpc.Channel }

func (inprocgrpcConn) Transport() string { return "inprocgrpc" }

func (inprocgrpcConn) Close() error { return nil }
