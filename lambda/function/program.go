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
	// openTimeout is less than the 10 seconds that Lambda allows for init.
	openTimeout = 8 * time.Second

	// drainTimeout is less than the 500 ms between SIGTERM and SIGKILL.
	drainTimeout = 300 * time.Millisecond
)

// program is the state of a running function.
type program struct {
	service *service.Service
	events  *event.Handler
	stream  bool
	logger  *slog.Logger
	after   afterLists
}

// open opens the transport, and the service and the handlers on it.
func open(ctx context.Context, c *config.Config, out io.Writer, logger *slog.Logger, options []service.Option) (*program, error) {
	p := &program{stream: c.Stream, logger: logger}
	defaults := []service.Option{
		service.WithLogger(p.logger),
		service.WithCORS(c.CORSOrigins...),
		service.WithReservedMetadata(trigger.Metadata),
		service.WithFlushAfterResponse(), // serve does so
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

// newLogger returns a logger that writes to w in the configured format, with the
// keys that Lambda expects.
func newLogger(c *config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: lambdacontext.ReplaceAttr}
	if c.LogJSON {
		return slog.New(service.NewLogHandler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(service.NewLogHandler(slog.NewTextHandler(w, options)))
}

// handler returns the handler of the function's events.
func (p *program) handler() runtimeapi.Handler {
	if p.stream {
		return runtimeapi.StreamFunc(p.events.Stream)
	}
	return p.events
}

// serve serves invocations until ctx ends or the transport cannot be reopened. In
// the latter case Lambda restarts the function.
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

// flush writes metrics and exports spans. It runs after each response, since
// nothing can run while the function is frozen between invocations.
func (p *program) flush(ctx context.Context) {
	if err := p.service.Flush(ctx); err != nil {
		p.logger.Warn("recorded data was not written", "error", err) // err says what data
	}
}
