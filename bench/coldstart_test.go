package bench_test

import (
	"io"
	"slices"
	"testing"
	"time"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

// BenchmarkColdStart is from nothing to the first answer inside one process:
// package service opens the transport and builds the gateway, then the first
// request comes. The time is open-ns plus first-ns. Closing is left out of it,
// but not of the allocations.
func BenchmarkColdStart(b *testing.B) {
	for _, name := range transports() {
		b.Run("transport="+name, func(b *testing.B) {
			t, ping := parse(b, name), pinger(b, nil)
			phases(b, func() (io.Closer, func()) {
				s, err := newService(b.Context(), t)
				must(b, err)
				ping.handler = s
				return s, func() { must(b, ping.call()) }
			})
		})
	}
}

// BenchmarkOpen is the transport's part of it: Open and the first call.
func BenchmarkOpen(b *testing.B) {
	for _, name := range slices.Concat(transports(), untuned()) {
		b.Run("transport="+name, func(b *testing.B) {
			t := parse(b, name)
			phases(b, func() (io.Closer, func()) {
				conn, err := t.Open(b.Context(), plainServer())
				must(b, err)
				return conn, func() {
					r, err := examplev1.NewPingServiceClient(conn).Ping(b.Context(), &examplev1.PingRequest{})
					if err != nil || r.GetMessage() != "Pong" {
						b.Fatalf("%v, %v", r, err)
					}
				}
			})
		})
	}
}

// phases times open and the first call that it returns, again and again.
func phases(b *testing.B, open func() (io.Closer, func())) {
	var opening, first durations
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		opened, call := open()
		middle := time.Now()
		call()
		end := time.Now()
		opening.add(middle.Sub(start))
		first.add(end.Sub(middle))
		must(b, opened.Close())
	}
	b.ReportMetric(opening.mean()+first.mean(), "ns/op")
	b.ReportMetric(opening.mean(), "open-ns")
	b.ReportMetric(first.mean(), "first-ns")
}
