package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/calls"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

const (
	// openTimeout leaves some of the 10 seconds that Lambda allows for init.
	openTimeout = 8 * time.Second

	// drainTimeout leaves some of the 500 ms between SIGTERM and SIGKILL.
	drainTimeout = 300 * time.Millisecond

	// metricsNamespace is where CloudWatch shows the metrics.
	metricsNamespace = "lambda-grpc-gateway"
)

// function is what lives as long as the process.
type function struct {
	service *service.Service
	events  *event.Handler
	stream  bool
	logger  *slog.Logger
	metrics *emf.Exporter // nil: off
}

// newFunction opens the transport and builds everything on it.
func newFunction(c config, stdout io.Writer) (*function, error) {
	f := &function{stream: c.stream, logger: newLogger(c, stdout)}
	options := append(example.Services(),
		service.WithLogger(f.logger),
		service.WithCORS(c.corsOrigins...),
		service.WithTrustedMetadata(event.MetadataPrefix, event.Metadata),
		service.WithServer(func(s *transport.ServerConfig) { s.DrainTimeout = drainTimeout }),
	)
	if c.rpc {
		options = append(options, service.WithRPC(), service.WithBodyLimits(event.MaxResponseBytes, event.BinaryRefused))
	}
	var err error
	if c.emf {
		recorder := calls.New(time.Now)
		if f.metrics, err = emf.New(stdout, recorder, emf.Config{Namespace: metricsNamespace, Level: c.logLevel.String()}); err != nil {
			return nil, err
		}
		options = append(options, service.WithMetrics(func() (service.Metrics, error) { return recorder, nil }))
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	if f.service, err = service.New(ctx, c.transport, options...); err != nil {
		return nil, err
	}
	f.events = event.NewHandler(f,
		event.WithBasePath(c.basePath),
		event.WithDeadlineMargin(c.deadlineMargin),
		event.WithLogger(f.logger),
	)
	return f, nil
}

// newLogger writes to w in the format that the function is configured for,
// with the keys that Lambda looks for.
func newLogger(c config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel, ReplaceAttr: lambdacontext.ReplaceAttr}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// handler is what aws-lambda-go is started with.
func (f *function) handler() any {
	if f.stream {
		return f.events.Stream
	}
	return f.events
}

// ServeHTTP writes the metrics that are due after each request: nothing can
// run between invocations, when the function is frozen.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.service.ServeHTTP(w, r)
	if f.metrics == nil {
		return
	}
	if err := f.metrics.FlushIfDue(); err != nil {
		f.logger.Warn("metrics were not written", "error", err)
	}
}

// close drains the calls in flight, then writes the last metrics.
func (f *function) close() error {
	err := f.service.Close()
	if f.metrics != nil {
		err = errors.Join(err, f.metrics.Flush())
	}
	return err
}
