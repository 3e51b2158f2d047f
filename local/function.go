package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// serveFunction serves HTTP through the function binary until ctx ends.
func serveFunction(ctx context.Context, c *config, stderr io.Writer) error {
	logger := newLogger(c, stderr)
	l, err := net.Listen("tcp", c.httpAddress)
	if err != nil {
		return fmt.Errorf("-http-address=%s: %w", c.httpAddress, err)
	}
	defer l.Close()
	options := []emulator.Option{emulator.WithLogger(logger)}
	if c.stream {
		options = append(options, emulator.WithStreaming())
	}
	if c.stage != "" {
		options = append(options, emulator.WithStage(c.stage))
	}
	if c.basePath != "" && slices.Contains([]emulator.Source{emulator.RESTAPI, emulator.HTTPAPI, emulator.HTTPAPIv1}, c.source) {
		options = append(options, emulator.WithBasePath(c.basePath))
	}
	// The function outlives ctx for as long as requests are being drained.
	fn, err := emulator.Start(context.WithoutCancel(ctx), emulator.Config{
		Path:   c.lambda,
		Env:    c.functionEnv,
		Stdout: stderr,
		Stderr: stderr,
		Logger: logger,
	})
	if err != nil {
		return err
	}
	door, err := emulator.FrontDoor(fn, c.source, options...)
	if err != nil {
		return errors.Join(err, fn.Close())
	}
	logger.Info("serving", "http", "http://"+l.Addr().String(), "function", c.lambda, "source", c.source, "pid", fn.Pid())
	err = serveHTTP(ctx, l, door, c.drainTimeout, logger)
	err = errors.Join(err, fn.Close())
	logger.Info("stopped")
	return err
}
