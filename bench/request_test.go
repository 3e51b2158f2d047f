package bench_test

import (
	"slices"
	"testing"
	"time"
)

// interval is the pause of mode=spaced. On Lambda there is one between any two
// requests: the goroutines and threads that the next one needs are asleep.
const interval = 2 * time.Millisecond

// BenchmarkRequest is one HTTP request through the gateway, without a network
// in front of it.
func BenchmarkRequest(b *testing.B) {
	modes := map[string]func(*testing.B, *caller){"serial": serial, "parallel": parallel, "spaced": spaced}
	bare := slices.Concat([]string{registerServer}, transports(), untuned())
	for _, p := range payloads() {
		for _, mode := range []string{"serial", "parallel", "spaced"} {
			request(b, noInterceptors, p, mode, modes[mode], bare)
		}
	}
	for _, p := range payloads()[:2] {
		for _, mode := range []string{"serial", "spaced"} {
			request(b, serviceInterceptors, p, mode, modes[mode], transports())
		}
	}
	request(b, serviceAndMetrics, payloads()[0], "serial", serial, transports())
}

// request measures transports one after the other, so that the numbers to be
// compared are close in time.
func request(b *testing.B, interceptors string, p payload, mode string, run func(*testing.B, *caller), names []string) {
	for _, name := range names {
		b.Run("transport="+name+"/interceptors="+interceptors+"/payload="+p.name+"/mode="+mode, func(b *testing.B) {
			c := newCaller(b, gateway(b, name, interceptors), p)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, c)
		})
	}
}

// serial makes one request at a time.
func serial(b *testing.B, c *caller) {
	for b.Loop() {
		if err := c.call(); err != nil {
			b.Fatal(err)
		}
	}
}

// parallel keeps eight requests for each CPU in flight.
func parallel(b *testing.B, c *caller) {
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		c := c.clone()
		for pb.Next() {
			if err := c.call(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// spaced pauses before each request. What it reports as ns/op is the requests
// alone.
func spaced(b *testing.B, c *caller) {
	var times durations
	for b.Loop() {
		time.Sleep(interval)
		start := time.Now()
		if err := c.call(); err != nil {
			b.Fatal(err)
		}
		times.add(time.Since(start))
	}
	b.ReportMetric(times.mean(), "ns/op")
	times.report(b, "", 5, 25, 50, 75, 95, 99)
}
