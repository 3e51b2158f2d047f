package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/reflection"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/metrics"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// readHeaderTimeout keeps clients that send nothing from holding connections.
const readHeaderTimeout = 10 * time.Second

// serve runs the services in this process until ctx ends.
func serve(ctx context.Context, c *config, stderr io.Writer) (err error) {
	logger := newLogger(c, stderr)
	listeners, err := listenAll(c)
	if err != nil {
		return err
	}
	defer listeners.close() // those that nothing took over

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	options := append(example.Services(),
		service.WithLogger(logger),
		metrics.WithRegisterer(registry),
		service.WithReflection(reflection.Register),
		service.WithCORS(c.corsOrigins...),
		service.WithServer(func(s *transport.ServerConfig) { s.DrainTimeout = c.drainTimeout }),
	)
	if c.rpc {
		options = append(options, service.WithRPC())
	}
	svc, err := service.New(ctx, c.transport, options...)
	if err != nil {
		return err
	}
	metricsMux := http.NewServeMux()
	metricsMux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))

	group, ctx := errgroup.WithContext(ctx)
	if l := listeners.http; l != nil {
		group.Go(func() error { return serveHTTP(ctx, l, svc, c.drainTimeout, logger) })
	}
	if l := listeners.metrics; l != nil {
		group.Go(func() error { return serveHTTP(ctx, l, metricsMux, c.drainTimeout, logger) })
	}
	if l := listeners.grpc; l != nil {
		group.Go(func() error { return svc.ServeGRPC(ctx, l) })
	}
	group.Go(func() error {
		<-ctx.Done()
		return nil
	})
	logger.Info("serving", append([]any{"transport", svc.Transport()}, listeners.attrs()...)...)
	err = group.Wait()
	logger.Info("stopped")
	return errors.Join(err, svc.Close())
}

func newLogger(c *config, stderr io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.logLevel}))
}

// serveHTTP serves h on l until ctx ends, then lets requests in flight finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, drain time.Duration, logger *slog.Logger) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // for gRPC
	server := &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			logger.Warn("requests in flight were cut off", "address", l.Addr().String(), "after", drain)
			_ = server.Close()
		}
	})
	err := server.Serve(l)
	if stop() {
		return err // Serve failed by itself
	}
	<-drained
	return nil
}

// listeners are what the flags ask for; nil where one is off.
type listeners struct{ http, grpc, metrics net.Listener }

// listenAll opens all of them or none.
func listenAll(c *config) (*listeners, error) {
	l := &listeners{}
	var errs []error
	for _, want := range []struct {
		flag, address string
		listener      *net.Listener
	}{
		{"-http-address", c.httpAddress, &l.http},
		{"-grpc-address", c.grpcAddress, &l.grpc},
		{"-metrics-address", c.metricsAddress, &l.metrics},
	} {
		if want.address == off {
			continue
		}
		opened, err := net.Listen("tcp", want.address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s=%s: %w", want.flag, want.address, err))
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
	return attrs
}

func (l *listeners) close() {
	for _, opened := range []net.Listener{l.http, l.grpc, l.metrics} {
		if opened != nil {
			_ = opened.Close()
		}
	}
}
