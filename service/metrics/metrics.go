// Package metrics counts and times the calls of a service.Service with
// Prometheus. It is separate from package service because importing
// Prometheus adds about a millisecond to a cold start, even if a program uses
// no metrics.
package metrics

import (
	"context"
	"fmt"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// WithRegisterer enables metrics and registers them with r: call counts and
// latencies by method and code, and grpc_gateway_transport_info, whose label
// names the transport. Closing the Service unregisters them. service.New
// fails if r already has them from another Service.
func WithRegisterer(r prometheus.Registerer) service.Option {
	return service.WithInstrumentation(func(service.Host) (service.Instrumentation, error) { return register(r) })
}

func register(r prometheus.Registerer) (service.Instrumentation, error) {
	calls := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "grpc_gateway_transport_info",
		Help: "Always 1; the label names the transport between the gateway and the gRPC server.",
	}, []string{"transport"})
	if err := r.Register(calls); err != nil {
		return service.Instrumentation{}, fmt.Errorf("metrics: registering: %w", err)
	}
	if err := r.Register(info); err != nil {
		r.Unregister(calls)
		return service.Instrumentation{}, fmt.Errorf("metrics: registering: %w", err)
	}
	return service.Instrumentation{
		UnaryInterceptor:  calls.UnaryServerInterceptor(),
		StreamInterceptor: calls.StreamServerInterceptor(),
		Opened: func(transport string) {
			info.Reset()
			info.WithLabelValues(transport).Set(1)
		},
		Close: func(context.Context) error {
			r.Unregister(calls)
			r.Unregister(info)
			return nil
		},
	}, nil
}
