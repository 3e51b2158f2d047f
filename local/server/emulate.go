package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// serveFunction serves HTTP through the function binary until ctx ends. The page
// shows the services that options bind.
func serveFunction(ctx context.Context, c *config.Config, out io.Writer, logger *slog.Logger, options []service.Option) error {
	doorOptions, err := frontDoorOptions(c, logger)
	if err != nil {
		return usageError{err}
	}
	listeners, err := listenAll(c)
	if err != nil {
		return err
	}
	defer listeners.close() // closes those that are not served
	// The function outlives ctx until requests in flight have finished.
	fn, err := startFunction(context.WithoutCancel(ctx), c, out, logger)
	if err != nil {
		return err
	}
	source := frontdoor.Source(c.Source)
	door, err := frontdoor.New(fn, source, doorOptions...)
	if err != nil {
		return errors.Join(err, fn.Close())
	}
	docs := newDocs(listeners.docs, prefixOf(source, c), c, options, logger)
	handler := docs.record(limitBodies(door, c))
	group, ctx := errgroup.WithContext(ctx)
	if docs != nil {
		docs.page.Events.Source, docs.page.Events.Function = source, fn
		group.Go(func() error { return docs.serve(ctx, c, listeners.http, nil) })
	}
	if l := listeners.http; l != nil {
		group.Go(func() error { return serveHTTP(ctx, l, handler, c, logger) })
	}
	group.Go(func() error {
		<-ctx.Done()
		return nil
	})
	logger.Info("serving", append(listeners.attrs(), "function", c.FunctionPath, "source", c.Source, "pid", fn.Pid())...)
	err = errors.Join(group.Wait(), fn.Close())
	logger.Info("stopped")
	return err
}

func startFunction(ctx context.Context, c *config.Config, out io.Writer, logger *slog.Logger) (*emulator.Function, error) {
	fn, err := emulator.Start(ctx, emulator.Config{
		Path:   c.FunctionPath,
		Env:    c.FunctionEnv,
		Stdout: out,
		Stderr: out,
		Logger: logger,
	})
	if err != nil {
		return nil, fmt.Errorf("-lambda=%q: %w: want the file of a function for this machine", c.FunctionPath, err)
	}
	return fn, nil
}

// frontDoorOptions returns the options of the front door. It refuses settings that
// the source does not support.
func frontDoorOptions(c *config.Config, logger *slog.Logger) ([]frontdoor.Option, error) {
	source := frontdoor.Source(c.Source)
	options := []frontdoor.Option{frontdoor.WithLogger(logger)}
	if c.Stream {
		if !source.Streams() {
			return nil, fmt.Errorf("%s=%q: -source=%q cannot stream: want buffered, or -source %s or %s",
				c.Given("response-mode"), "stream", source, frontdoor.RESTAPI, frontdoor.FunctionURL)
		}
		options = append(options, frontdoor.WithStreaming())
	}
	if c.Stage != "" {
		if !source.IsAPI() {
			return nil, fmt.Errorf("-stage=%q: -source=%q has no stages: want none, or -source %s, %s or %s",
				c.Stage, source, frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1)
		}
		options = append(options, frontdoor.WithStage(c.Stage))
	}
	if c.ClaimsPath != "" {
		if !source.Authorizes() {
			return nil, fmt.Errorf("-claims=%q: -source=%q has no authorizer: want none, or another source", c.ClaimsPath, source)
		}
		authorizer, err := readAuthorizer(c.ClaimsPath)
		if err != nil {
			return nil, fmt.Errorf("-claims=%q: %w", c.ClaimsPath, err)
		}
		options = append(options, frontdoor.WithAuthorizer(authorizer))
	}
	if c.BasePath != "" && source.IsAPI() {
		options = append(options, frontdoor.WithBasePath(c.BasePath))
	}
	return options, nil
}

// doorOf returns the front door of any source. It ignores settings of c that the
// source does not support.
func doorOf(fn emulator.Invoker, source frontdoor.Source, c *config.Config, logger *slog.Logger) (http.Handler, error) {
	other := *c
	other.Source = string(source)
	other.Stream = c.Stream && source.Streams()
	if !source.IsAPI() {
		other.Stage = ""
	}
	if !source.Authorizes() {
		other.ClaimsPath = ""
	}
	options, err := frontDoorOptions(&other, logger)
	if err != nil {
		return nil, err
	}
	return frontdoor.New(fn, source, options...)
}

// prefixOf returns the beginning of every URL path of source. If source is not an
// API, the function itself removes the base path.
func prefixOf(source frontdoor.Source, c *config.Config) string {
	base := strings.Trim(c.BasePath, "/")
	switch {
	case base != "":
		return "/" + base
	case source.IsAPI() && c.Stage != "" && c.Stage != "$default":
		return "/" + c.Stage
	default:
		return ""
	}
}

// readAuthorizer returns an authorizer that accepts every request. Its caller is
// the one in the file.
func readAuthorizer(path string) (frontdoor.Authorizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	authorized, err := frontdoor.ReadAuthorized(f)
	return func(*http.Request) (frontdoor.Authorized, bool) { return authorized, true }, err
}
