// Package metrics counts and times the calls of a service.Service with
// Prometheus. It is not in package service because importing Prometheus takes
// about a millisecond of a cold start, also of a program without metrics.
package metrics

import (
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// WithRegisterer turns metrics on and registers them with r: call counts and
// latencies by method and code, and grpc_gateway_transport_info, whose label
// names the transport. Closing the Service unregisters them. A Service that
// cannot register them, because r has them from another one, is not made.
func WithRegisterer(r prometheus.Registerer) service.Option {
	return service.WithMetrics(func() (service.Metrics, error) { return register(r) })
}

// registered are the metrics of one Service.
type registered struct {
	calls      *grpcprom.ServerMetrics
	info       *prometheus.GaugeVec
	registerer prometheus.Registerer
}

func register(r prometheus.Registerer) (service.Metrics, error) {
	m := &registered{
		calls: grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram()),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "grpc_gateway_transport_info",
			Help: "Always 1; the label names the transport between the gateway and the gRPC server.",
		}, []string{"transport"}),
		registerer: r,
	}
	if err := r.Register(m.calls); err != nil {
		return nil, err
	}
	if err := r.Register(m.info); err != nil {
		r.Unregister(m.calls)
		return nil, err
	}
	return m, nil
}

func (m *registered) UnaryServerInterceptor() grpc.UnaryServerInterceptor {
	return m.calls.UnaryServerInterceptor()
}

func (m *registered) StreamServerInterceptor() grpc.StreamServerInterceptor {
	return m.calls.StreamServerInterceptor()
}

func (m *registered) Opened(transport string) {
	m.info.Reset()
	m.info.WithLabelValues(transport).Set(1)
}

func (m *registered) Closed() {
	m.registerer.Unregister(m.calls)
	m.registerer.Unregister(m.info)
}
