package emf_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

// BenchmarkFlush is a flush of ten methods, each of which was called once
// since, next to the gathering alone and to a flush that is not due.
func BenchmarkFlush(b *testing.B) {
	registry := prometheus.NewRegistry()
	labels := []string{"grpc_type", "grpc_service", "grpc_method"}
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "handling_seconds"}, labels)
	handled := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "handled_total"}, append(labels, "grpc_code"))
	registry.MustRegister(seconds, handled)
	call := func() {
		for i := range 10 {
			method := fmt.Sprint("Method", i)
			seconds.WithLabelValues("unary", "example", method).Observe(0.01)
			handled.WithLabelValues("unary", "example", method, "OK").Inc()
		}
	}
	out := new(bytes.Buffer)
	exporter, err := emf.New(out, registry, emf.Config{Namespace: "bench", Interval: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("gather", func(b *testing.B) {
		for b.Loop() {
			call()
			if families, err := registry.Gather(); err != nil || len(families) != 2 {
				b.Fatal(families, err)
			}
		}
	})
	b.Run("flush", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			call()
			out.Reset()
			if err := exporter.Flush(); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 20 {
				b.Fatal(out, err)
			}
		}
	})
	b.Run("not due", func(b *testing.B) {
		out.Reset()
		for b.Loop() {
			if err := exporter.FlushIfDue(); err != nil || out.Len() != 0 {
				b.Fatal(out, err)
			}
		}
	})
}
