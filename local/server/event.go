package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// handleEvent handles one event and writes the response to responses. With -lambda,
// the function handles the event; otherwise the services in this process do.
func handleEvent(ctx context.Context, c *config.Config, out, responses io.Writer, logger *slog.Logger, options []service.Option) error {
	payload, err := os.ReadFile(c.EventPath)
	if err != nil {
		return usageError{fmt.Errorf("-event=%q: %w: want a file with an event in JSON", c.EventPath, err)}
	}
	request := emulator.Request{Payload: payload}
	var response emulator.Response
	if c.Program == config.Emulator {
		fn, err := startFunction(ctx, c, out, logger)
		if err != nil {
			return err
		}
		response, err = fn.Do(ctx, request)
		if err = errors.Join(err, fn.Close()); err != nil {
			return err
		}
	} else {
		handler, stop, err := openEvents(ctx, c, logger, options)
		if err != nil {
			return err
		}
		response, err = emulator.InProcess(handler).Do(ctx, request)
		if err = errors.Join(err, stop()); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(responses, "%s\n", response.Payload)
	return err
}

// openEvents returns a handler that passes events to the services in this process,
// and a function that stops it.
func openEvents(ctx context.Context, c *config.Config, logger *slog.Logger, options []service.Option) (*event.Handler, func() error, error) {
	triggers := slices.Concat(c.Triggers, trigger.Of(options...))
	service.OpenAPI(options...) // not used: this mode has no page
	defaults := []service.Option{
		service.WithLogger(logger),
		service.WithCORS(c.CORSOrigins...),
		service.WithReservedMetadata(trigger.Metadata),
	}
	if c.RPC {
		defaults = append(defaults, service.WithRPC())
	}
	svc, err := service.New(ctx, c.Transport, append(defaults, options...)...)
	if err != nil {
		return nil, nil, err
	}
	handler, err := trigger.NewHandler(svc, trigger.Config{Logger: logger}, triggers...)
	if err != nil {
		return nil, nil, errors.Join(err, svc.Close())
	}
	return event.NewHandler(svc, event.WithFallback(handler), event.WithLogger(logger)), svc.Close, nil
}
