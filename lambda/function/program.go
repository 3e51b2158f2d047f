package function

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/calls"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

const (
	// openTimeout leaves some of the 10 seconds that Lambda allows for init.
	openTimeout = 8 * time.Second

	// drainTimeout leaves some of the 500 ms between SIGTERM and SIGKILL.
	drainTimeout = 300 * time.Millisecond
)

// program is what lives as long as the process.
type program struct {
	service *service.Service
	events  *event.Handler
	stream  bool
	logger  *slog.Logger
	metrics *emf.Exporter // nil: off
}

// open opens the transport and builds everything on it.
func open(ctx context.Context, c *config.Config, out io.Writer, options []service.Option) (*program, error) {
	p := &program{stream: c.Stream, logger: newLogger(c, out)}
	defaults := []service.Option{
		service.WithLogger(p.logger),
		service.WithCORS(c.CORSOrigins...),
		service.WithReservedMetadata(event.Metadata),
		service.WithServer(func(s *transport.ServerConfig) { s.DrainTimeout = drainTimeout }),
	}
	var err error
	if c.Metrics == config.EMF {
		recorder := calls.New(time.Now)
		if p.metrics, err = emf.New(out, recorder, emf.Config{Namespace: c.MetricsNamespace, Level: c.LogLevel.String()}); err != nil {
			return nil, err
		}
		defaults = append(defaults, service.WithMetrics(func() (service.Metrics, error) { return recorder, nil }))
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if p.service, err = service.New(ctx, c.Transport, append(defaults, options...)...); err != nil {
		return nil, err
	}
	p.events = event.NewHandler(p,
		event.WithBasePath(c.BasePath),
		event.WithDeadlineMargin(c.DeadlineMargin),
		event.WithLogger(p.logger),
	)
	return p, nil
}

// newLogger writes to w in the format that the function is configured for,
// with the keys that Lambda looks for.
func newLogger(c *config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: lambdacontext.ReplaceAttr}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// handler is what the loop calls with each event.
func (p *program) handler() any {
	if p.stream {
		return p.events.Stream
	}
	return p.events
}

// ServeHTTP writes the metrics that are due after each request: nothing can
// run between invocations, when the function is frozen.
func (p *program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.service.ServeHTTP(w, r)
	if p.metrics == nil {
		return
	}
	if err := p.metrics.FlushIfDue(); err != nil {
		p.logger.Warn("metrics were not written", "error", err)
	}
}

// close drains the calls in flight, then writes the last metrics.
func (p *program) close() error {
	err := p.service.Close()
	if p.metrics != nil {
		err = errors.Join(err, p.metrics.Flush())
	}
	return err
}
