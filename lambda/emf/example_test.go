package emf_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

// On Lambda the writer is os.Stdout, and the clock need not be given.
func ExampleExporter_Flush() {
	registry := prometheus.NewRegistry()
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "calls_total"}, []string{"grpc_method", "client"})
	registry.MustRegister(calls)

	exporter, err := emf.New(os.Stdout, registry, emf.Config{
		Namespace: "example",
		Fixed:     map[string]string{"service": "ping"},
		Now:       func() time.Time { return time.UnixMilli(1_800_000_000_000) },
	})
	if err != nil {
		log.Fatal(err)
	}
	calls.WithLabelValues("Ping", "a").Add(2)
	calls.WithLabelValues("Ping", "b").Add(3)
	if err := exporter.Flush(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"example","Dimensions":[["service","grpc_method"]],"Metrics":[{"Name":"calls_total","Unit":"Count"}]}]},"service":"ping","grpc_method":"Ping","calls_total":5}
}

// metered is a handler that flushes after its invocations. It has the method
// of aws-lambda-go's lambda.Handler.
type metered struct{ exporter *emf.Exporter }

func (m metered) Invoke(context.Context, []byte) ([]byte, error) {
	defer func() {
		if err := m.exporter.FlushIfDue(); err != nil {
			fmt.Println("warning:", err)
		}
	}()
	return []byte("Pong"), nil
}

// Around the handler of a function, metrics go out after an invocation, at
// most once in an interval, and what is left when the environment ends.
func ExampleExporter_FlushIfDue() {
	registry := prometheus.NewRegistry()
	up := prometheus.NewGauge(prometheus.GaugeOpts{Name: "up"})
	registry.MustRegister(up)
	exporter, err := emf.New(os.Stdout, registry, emf.Config{
		Namespace: "example",
		Now:       func() time.Time { return time.UnixMilli(1_800_000_000_000) },
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := metered{exporter}

	up.Set(1)
	for range 3 { // all within the same interval
		if _, err := handler.Invoke(context.Background(), nil); err != nil {
			log.Fatal(err)
		}
		up.Inc()
	}
	fmt.Println("SIGTERM")
	if err := exporter.Flush(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"example","Dimensions":[[]],"Metrics":[{"Name":"up"}]}]},"up":1}
	// SIGTERM
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"example","Dimensions":[[]],"Metrics":[{"Name":"up"}]}]},"up":4}
}
