package bench_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"google.golang.org/grpc"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

// BenchmarkUnary is a call over the Conn itself, without a gateway.
func BenchmarkUnary(b *testing.B) {
	for _, p := range payloads() {
		for _, name := range slices.Concat(transports(), untuned()) {
			b.Run("transport="+name+"/payload="+p.name, func(b *testing.B) {
				call := unary(b, open(b, name), p)
				call()
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
			})
		}
	}
}

// unary returns a call that checks its answer: a ping, or an echo of p.
func unary(b *testing.B, conn grpc.ClientConnInterface, p payload) func() {
	if p.size == 0 {
		client := examplev1.NewPingServiceClient(conn)
		return func() {
			r, err := client.Ping(b.Context(), &examplev1.PingRequest{})
			if err != nil || r.GetMessage() != "Pong" {
				b.Fatalf("%v, %v", r, err)
			}
		}
	}
	client := examplev1.NewEchoServiceClient(conn)
	request := &examplev1.EchoRequest{Id: "7", Text: p.text()}
	return func() {
		r, err := client.Echo(b.Context(), request)
		if err != nil || r.GetId() != "7" || r.GetText() != request.GetText() {
			b.Fatalf("%.200v, %v", r, err)
		}
	}
}

// BenchmarkStream is a server stream of 1000 messages over the Conn.
func BenchmarkStream(b *testing.B) {
	const count = 1000
	for _, name := range slices.Concat(transports(), untuned()) {
		b.Run("transport="+name, func(b *testing.B) {
			client := examplev1.NewEchoServiceClient(open(b, name))
			b.ReportAllocs()
			for b.Loop() {
				receive(b, client, count)
			}
			b.ReportMetric(float64(b.N)*count/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

func receive(b *testing.B, client examplev1.EchoServiceClient, count int32) {
	stream, err := client.EchoStream(b.Context(), &examplev1.EchoStreamRequest{Id: "7", Count: count})
	must(b, err)
	for want := int32(1); want <= count; want++ {
		if m, err := stream.Recv(); err != nil || m.GetSequence() != want || m.GetId() != "7" {
			b.Fatalf("message %d: %v, %v", want, m, err)
		}
	}
	if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
		b.Fatalf("after the last message: %v, %v", m, err)
	}
}
