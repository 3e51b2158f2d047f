package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// interval is the pause of mode=spaced. Requests on Lambda usually have a pause
// between them, after which goroutines and threads have to be woken.
const interval = 2 * time.Millisecond

// BenchmarkRequest measures one HTTP request through the generated gateway, without
// interceptors and without a network. With transport=register-server, the gateway has
// no transport and calls the methods of the service directly.
func BenchmarkRequest(b *testing.B) {
	for _, mode := range []string{"serial", "spaced"} {
		for _, name := range append([]string{registerServer}, transports()...) {
			b.Run("transport="+name+"/mode="+mode, func(b *testing.B) {
				c := newPing(b, gateway(b, name))
				if mode == "serial" {
					loop(b, func() { must(b, c.call()) })
					return
				}
				b.ReportAllocs()
				var times sample
				for b.Loop() {
					time.Sleep(interval)
					start := time.Now()
					must(b, c.call())
					times.add(time.Since(start))
				}
				b.ReportMetric(times.mean(), "ns/op") // without the pauses
				for _, p := range []int{50, 99} {
					b.ReportMetric(times.percentile(p), fmt.Sprintf("p%d-ns", p))
				}
			})
		}
	}
}

// BenchmarkInterceptors measures a request through package service over inproc, with
// and without its interceptors, which log each call and recover panics.
func BenchmarkInterceptors(b *testing.B) {
	t := transport.InProcess()
	for _, set := range []struct {
		name      string
		transport transport.Transport
	}{{"none", withoutInterceptors{t}}, {"service", t}} {
		b.Run("interceptors="+set.name, func(b *testing.B) {
			s, err := newService(b.Context(), set.transport)
			must(b, err)
			defer func() { must(b, s.Close()) }()
			c := newPing(b, s)
			loop(b, func() { must(b, c.call()) })
		})
	}
}

// withoutInterceptors is a transport whose servers run no interceptors.
type withoutInterceptors struct{ transport.Transport }

func (t withoutInterceptors) Open(ctx context.Context, s transport.ServerConfig) (transport.Conn, error) {
	s.UnaryInterceptors, s.StreamInterceptors = nil, nil
	return t.Transport.Open(ctx, s)
}

// BenchmarkOpen measures the part of a cold start after the start of the process.
// open-ns is the time to open the transport and build the gateway with package
// service. first-ns is the time of the first request. The times exclude closing; the
// allocations include it.
func BenchmarkOpen(b *testing.B) {
	for _, name := range transports() {
		b.Run("transport="+name, func(b *testing.B) {
			t, c := parse(b, name), newCaller(nil)
			var opening, first sample
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				s, err := newService(b.Context(), t)
				must(b, err)
				opened := time.Now()
				c.handler = s
				must(b, c.call())
				first.add(time.Since(opened))
				opening.add(opened.Sub(start))
				must(b, s.Close())
			}
			b.ReportMetric(opening.mean()+first.mean(), "ns/op")
			b.ReportMetric(opening.mean(), "open-ns")
			b.ReportMetric(first.mean(), "first-ns")
		})
	}
}
