package inproc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// transports returns the transport of this package, those to compare it with, and
// bufconn with grpc-go's default options. Compare only the results of one run:
//
//	go test -run - -bench . -count 6 ./transport/inproc
func transports() []transport.Transport {
	return []transport.Transport{transport.InProcess(), transport.Bufconn(), transport.Unix(""), grpcDefaults{}}
}

// grpcDefaults is a bufconn with default options.
type grpcDefaults struct{}

func (grpcDefaults) Name() string { return "defaults" }

func (grpcDefaults) Open(_ context.Context, s transport.ServerConfig) (transport.Conn, error) {
	listener := bufconn.Listen(64 << 10)
	server := grpc.NewServer()
	s.Register(server)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	return defaultsConn{conn, server}, err
}

type defaultsConn struct {
	*grpc.ClientConn
	server *grpc.Server
}

func (defaultsConn) Transport() string { return "defaults" }

func (c defaultsConn) Close() error {
	c.server.Stop()
	return c.ClientConn.Close()
}

func BenchmarkUnary(b *testing.B) {
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	deadline, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for _, kind := range []struct {
		name string
		ctx  context.Context
		size int
	}{
		{"empty", context.Background(), 0},
		{"cancellable", cancellable, 0},
		{"deadline", deadline, 0},
		{"metadata", metadata.AppendToOutgoingContext(cancellable, "k", "v", "l", "w"), 0},
		{"1KiB", cancellable, 1 << 10},
		{"1MiB", cancellable, 1 << 20},
	} {
		b.Run(kind.name, func(b *testing.B) {
			text := strings.Repeat("x", kind.size)
			each(b, func(b *testing.B, conn grpc.ClientConnInterface) {
				request := wrapperspb.String(text)
				for b.Loop() {
					call(kind.ctx, b, conn, request)
				}
			})
		})
	}
}

// BenchmarkParallel makes calls from as many goroutines as there are cores.
func BenchmarkParallel(b *testing.B) {
	each(b, func(b *testing.B, conn grpc.ClientConnInterface) {
		b.RunParallel(func(pb *testing.PB) {
			request := wrapperspb.String("")
			for pb.Next() {
				call(context.Background(), b, conn, request)
			}
		})
	})
}

// BenchmarkServerStream receives 1,000 messages per operation.
func BenchmarkServerStream(b *testing.B) {
	b.Run("10 bytes", func(b *testing.B) { benchmarkServerStream(b, 10) })
	b.Run("100 bytes", func(b *testing.B) { benchmarkServerStream(b, 100) })
}

func benchmarkServerStream(b *testing.B, size int) {
	each(b, func(b *testing.B, conn grpc.ClientConnInterface) {
		request, response := wrapperspb.String(strings.Repeat("x", size)), new(wrapperspb.StringValue)
		for b.Loop() {
			stream, err := conn.NewStream(context.Background(), &grpc.StreamDesc{ServerStreams: true}, repeat)
			if err == nil {
				err = stream.SendMsg(request)
			}
			n := 0
			for err == nil {
				if err = stream.RecvMsg(response); err == nil {
					n++
				}
			}
			if !errors.Is(err, io.EOF) || n != repeats || response.GetValue() != request.GetValue() {
				b.Fatalf("%d messages, %v", n, err)
			}
		}
	})
}

// BenchmarkPingPong exchanges one message each way per operation.
func BenchmarkPingPong(b *testing.B) {
	each(b, func(b *testing.B, conn grpc.ClientConnInterface) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, echoStream)
		if err != nil {
			b.Fatal(err)
		}
		request, response := wrapperspb.String("ping"), new(wrapperspb.StringValue)
		for b.Loop() {
			if err := stream.SendMsg(request); err != nil {
				b.Fatal(err)
			}
			if err := stream.RecvMsg(response); err != nil || response.GetValue() != "ping" {
				b.Fatal(response, err)
			}
		}
	})
}

// BenchmarkOpen opens a connection and makes one call. Closing is not timed.
func BenchmarkOpen(b *testing.B) {
	for _, tr := range transports() {
		b.Run(tr.Name(), func(b *testing.B) {
			var spent time.Duration
			n := 0
			for ; b.Loop(); n++ {
				start := time.Now()
				conn := open(b, tr)
				call(context.Background(), b, conn, wrapperspb.String("x"))
				spent += time.Since(start)
				if err := conn.Close(); err != nil {
					b.Fatal(err)
				}
			}
			// StopTimer and StartTimer take longer than the measured code.
			b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "ns/op")
		})
	}
}

func each(b *testing.B, run func(*testing.B, grpc.ClientConnInterface)) {
	for _, tr := range transports() {
		b.Run(tr.Name(), func(b *testing.B) {
			conn := open(b, tr)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, conn)
			b.StopTimer()
			if err := conn.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func open(b *testing.B, tr transport.Transport) transport.Conn {
	conn, err := tr.Open(context.Background(), transport.ServerConfig{Register: registerEcho})
	if err != nil {
		b.Fatal(err)
	}
	return conn
}

func call(ctx context.Context, b *testing.B, conn grpc.ClientConnInterface, request *wrapperspb.StringValue) {
	reply := new(wrapperspb.StringValue)
	if err := conn.Invoke(ctx, echo, request, reply, grpc.StaticMethod()); err != nil || len(reply.GetValue()) != len(request.GetValue()) {
		b.Errorf("%d bytes, %v", len(reply.GetValue()), err)
	}
}
