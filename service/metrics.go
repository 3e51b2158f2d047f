package service

import (
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of one Service. A nil *metrics has none.
type metrics struct {
	registerer prometheus.Registerer
	server     *grpcprom.ServerMetrics
	info       *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	if r == nil {
		return nil, nil
	}
	m := &metrics{
		registerer: r,
		server:     grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram()),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "grpc_gateway_transport_info",
			Help: "Always 1; the label names the transport between the gateway and the gRPC server.",
		}, []string{"transport"}),
	}
	if err := r.Register(m.server); err != nil {
		return nil, err
	}
	if err := r.Register(m.info); err != nil {
		r.Unregister(m.server)
		return nil, err
	}
	return m, nil
}

func (m *metrics) setTransport(name string) {
	if m != nil {
		m.info.WithLabelValues(name).Set(1)
	}
}

func (m *metrics) unregister() {
	if m != nil {
		m.registerer.Unregister(m.server)
		m.registerer.Unregister(m.info)
	}
}
