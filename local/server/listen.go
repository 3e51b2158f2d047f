package server

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/net/netutil"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
)

// listeners are the configured listeners. One that is off is nil.
type listeners struct{ http, grpc, metrics, docs net.Listener }

// listenAll opens all of them or none.
func listenAll(c *config.Config) (*listeners, error) {
	l := &listeners{}
	metricsAddress := c.MetricsAddress
	if c.Metrics == config.Off {
		metricsAddress = config.Off
	}
	var errs []error
	for _, want := range []struct {
		flag, address string
		listener      *net.Listener
	}{
		{"http-address", c.HTTPAddress, &l.http},
		{"grpc-address", c.GRPCAddress, &l.grpc},
		{"metrics-address", metricsAddress, &l.metrics},
		{"docs", c.DocsAddress, &l.docs},
	} {
		if want.address == config.Off || want.address == "" { // empty if the program does not read it
			continue
		}
		opened, err := listen(c, want.flag, want.address)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		*want.listener = opened
	}
	if len(errs) > 0 {
		l.close()
		return nil, errors.Join(errs...)
	}
	return l, nil
}

// listen opens a listener with at most c.MaxConnections connections.
func listen(c *config.Config, flagName, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w: want a free port and an address of this machine", c.Given(flagName), address, err)
	}
	return netutil.LimitListener(l, c.MaxConnections), nil
}

func (l *listeners) attrs() (attrs []any) {
	if l.http != nil {
		attrs = append(attrs, "http", "http://"+l.http.Addr().String())
	}
	if l.grpc != nil {
		attrs = append(attrs, "grpc", l.grpc.Addr().String())
	}
	if l.metrics != nil {
		attrs = append(attrs, "metrics", "http://"+l.metrics.Addr().String()+"/metrics")
	}
	if l.docs != nil {
		attrs = append(attrs, "docs", "http://"+l.docs.Addr().String())
	}
	return attrs
}

func (l *listeners) close() {
	for _, opened := range []net.Listener{l.http, l.grpc, l.metrics, l.docs} {
		if opened != nil {
			_ = opened.Close()
		}
	}
}
