package function

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
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
	after   afterLists
}

// open opens the transport and builds everything on it.
func open(ctx context.Context, c *config.Config, out io.Writer, logger *slog.Logger, options []service.Option) (*program, error) {
	p := &program{stream: c.Stream, logger: logger}
	defaults := []service.Option{
		service.WithLogger(p.logger),
		service.WithCORS(c.CORSOrigins...),
		service.WithReservedMetadata(trigger.Metadata),
		service.WithServer(func(s *transport.ServerConfig) { s.DrainTimeout = drainTimeout }),
		service.WithUnaryInterceptors(p.after.unary),
		service.WithStreamInterceptors(p.after.stream),
	}
	if c.RPC {
		defaults = append(defaults, service.WithRPC(), service.WithBodyLimits(event.MaxResponseBytes, event.BinaryRefused))
	}
	triggers := slices.Concat(c.Triggers, trigger.Of(options...))
	if c.Metrics == config.EMF {
		recorder, err := emf.New(out, emf.Config{Namespace: c.MetricsNamespace, Level: c.LogLevel.String()})
		if err != nil {
			return nil, err
		}
		defaults = append(defaults, service.WithInstrumentation(recorder.Instrument))
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var err error
	if p.service, err = service.New(ctx, c.Transport, append(defaults, options...)...); err != nil {
		return nil, err
	}
	handler, err := trigger.NewHandler(p.service, trigger.Config{Logger: logger, DeadlineMargin: c.DeadlineMargin}, triggers...)
	if err != nil {
		return nil, errors.Join(err, p.service.Close())
	}
	eventOptions := []event.Option{
		event.WithBasePath(c.BasePath),
		event.WithDeadlineMargin(c.DeadlineMargin),
		event.WithLogger(p.logger),
		event.WithFallback(keepingInvoker{handler, &p.after}),
	}
	if c.FailOn5xx {
		eventOptions = append(eventOptions, event.WithFunctionErrors())
	}
	p.events = event.NewHandler(p.after.keep(p.service), eventOptions...)
	return p, nil
}

// newLogger writes to w in the format that the function is configured for,
// with the keys that Lambda looks for.
func newLogger(c *config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: lambdacontext.ReplaceAttr}
	if c.LogJSON {
		return slog.New(service.NewLogHandler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(service.NewLogHandler(slog.NewTextHandler(w, options)))
}

// handler is what the client calls with each event.
func (p *program) handler() runtimeapi.Handler {
	if p.stream {
		return runtimeapi.StreamFunc(p.events.Stream)
	}
	return p.events
}

// serve serves invocations until ctx ends or the transport is lost for good:
// then Lambda starts the function anew.
func (p *program) serve(ctx context.Context, client *runtimeapi.Client) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case <-p.service.Lost():
			fail(errors.New("the transport has broken and cannot be opened again"))
		case <-ctx.Done():
		}
	}()
	if p.service.Flushes() {
		client.RegisterAfter(p.flush)
	}
	client.RegisterOnShutdown(func(context.Context) error { return p.service.Close() })
	err := client.Serve(ctx, p.handler())
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
		err = errors.Join(cause, err)
	}
	return err
}

// flush hands over metrics and spans. Nothing can run between invocations, when
// the function is frozen, so that it is done when an answer is posted.
func (p *program) flush(ctx context.Context) {
	if err := p.service.Flush(ctx); err != nil {
		p.logger.Warn("metrics were not written", "error", err)
	}
}
