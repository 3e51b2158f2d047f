package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/reflection"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/metrics"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// serve runs the services in this process until ctx ends.
func serve(ctx context.Context, c *config.Config, logger *slog.Logger, options []service.Option) (err error) {
	listeners, err := listenAll(c)
	if err != nil {
		return err
	}
	defer listeners.close() // closes the listeners that no server has taken

	defaults := []service.Option{
		service.WithLogger(logger),
		service.WithReflection(reflection.Register),
		service.WithCORS(c.CORSOrigins...),
		service.WithServer(func(s *transport.ServerConfig) { s.DrainTimeout = c.DrainTimeout }),
	}
	if c.RPC {
		defaults = append(defaults, service.WithRPC())
	}
	registry := prometheus.NewRegistry() // one for each Run, so that several can coexist
	if c.Metrics == config.Prometheus {
		defaults = append(defaults, metrics.WithRegisterer(registry))
	}
	triggers := trigger.Of(options...)
	docs := newDocs(listeners.docs, "", c, options, logger)
	defaults = append(defaults, docs.options()...)
	svc, err := service.New(ctx, c.Transport, append(defaults, options...)...)
	if err != nil {
		return err
	}
	// No events arrive here, but triggers that would fail on Lambda also fail here.
	if _, err := trigger.NewHandler(svc, trigger.Config{Logger: logger}, triggers...); err != nil {
		return errors.Join(err, svc.Close())
	}
	handler := docs.record(limitBodies(svc, c))
	group, ctx := errgroup.WithContext(ctx)
	if docs != nil {
		group.Go(func() error { return docs.serve(ctx, c, listeners.http, listeners.grpc) })
	}
	if l := listeners.http; l != nil {
		group.Go(func() error { return serveHTTP(ctx, l, handler, c, logger) })
	}
	if l := listeners.metrics; l != nil {
		group.Go(func() error { return serveHTTP(ctx, l, limitBodies(metricsHandler(registry), c), c, logger) })
	}
	if l := listeners.grpc; l != nil {
		group.Go(func() error { return svc.ServeGRPC(ctx, l, grpcLimits(c)...) })
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-svc.Lost():
			return errors.New("the transport has broken and cannot be opened again")
		}
	})
	logger.Info("serving", append([]any{"transport", svc.Transport()}, listeners.attrs()...)...)
	err = group.Wait()
	logger.Info("stopped")
	return errors.Join(err, svc.Close())
}

// metricsHandler serves the metrics of the calls and of Prometheus' default
// registry, which has those of Go, of the process and of the user's code.
func metricsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(
		prometheus.Gatherers{registry, prometheus.DefaultGatherer},
		promhttp.HandlerOpts{Registry: registry},
	))
	return mux
}
