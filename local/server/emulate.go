package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// serveFunction serves HTTP through the function binary until ctx ends.
func serveFunction(ctx context.Context, c *config.Config, out io.Writer, logger *slog.Logger) error {
	options, err := frontDoorOptions(c, logger)
	if err != nil {
		return usageError{err}
	}
	l, err := listen(c, "http-address", c.HTTPAddress)
	if err != nil {
		return err
	}
	defer l.Close()
	// The function outlives ctx for as long as requests are being drained.
	fn, err := startFunction(context.WithoutCancel(ctx), c, out, logger)
	if err != nil {
		return err
	}
	door, err := frontdoor.New(fn, frontdoor.Source(c.Source), options...)
	if err != nil {
		return errors.Join(err, fn.Close())
	}
	logger.Info("serving", "http", "http://"+l.Addr().String(), "function", c.FunctionPath, "source", c.Source, "pid", fn.Pid())
	err = serveHTTP(ctx, l, limitBodies(door, c), c, logger)
	err = errors.Join(err, fn.Close())
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

// frontDoorOptions refuses what the source cannot do, before anything starts.
func frontDoorOptions(c *config.Config, logger *slog.Logger) ([]frontdoor.Option, error) {
	source := frontdoor.Source(c.Source)
	isAPI := slices.Contains([]frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1}, source)
	options := []frontdoor.Option{frontdoor.WithLogger(logger)}
	if c.Stream {
		if source != frontdoor.RESTAPI && source != frontdoor.FunctionURL {
			return nil, fmt.Errorf("%s=%q: -source=%q cannot stream: want buffered, or -source %s or %s",
				c.Given("response-mode"), "stream", source, frontdoor.RESTAPI, frontdoor.FunctionURL)
		}
		options = append(options, frontdoor.WithStreaming())
	}
	if c.Stage != "" {
		if !isAPI {
			return nil, fmt.Errorf("-stage=%q: -source=%q has no stages: want none, or -source %s, %s or %s",
				c.Stage, source, frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1)
		}
		options = append(options, frontdoor.WithStage(c.Stage))
	}
	if c.ClaimsPath != "" {
		if !isAPI && source != frontdoor.FunctionURL && source != frontdoor.VPCLattice {
			return nil, fmt.Errorf("-claims=%q: -source=%q has no authorizer: want none, or another source", c.ClaimsPath, source)
		}
		authorizer, err := readAuthorizer(c.ClaimsPath)
		if err != nil {
			return nil, fmt.Errorf("-claims=%q: %w", c.ClaimsPath, err)
		}
		options = append(options, frontdoor.WithAuthorizer(authorizer))
	}
	if c.BasePath != "" && isAPI {
		options = append(options, frontdoor.WithBasePath(c.BasePath))
	}
	return options, nil
}

// readAuthorizer lets every caller through, as the one whom the file describes.
func readAuthorizer(path string) (frontdoor.Authorizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	authorized, err := frontdoor.ReadAuthorized(f)
	return func(*http.Request) (frontdoor.Authorized, bool) { return authorized, true }, err
}
