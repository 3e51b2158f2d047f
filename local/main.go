// Command local serves the example services over TCP: HTTP through the
// gateway, gRPC with reflection, and Prometheus metrics. It can also stand in
// for Lambda and run the function binary. See -help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(exitCode(run(ctx, os.Args[1:], os.Getenv, os.Stderr), os.Stderr))
}

// exitCode is 0 for success and for help, 2 for a command line that was not
// understood, and 1 for every other failure.
func exitCode(err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "local:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "local:", err)
		return 1
	}
}

type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run serves until ctx ends, then drains.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	c, err := parseConfig(args, getenv, stderr)
	if err != nil {
		return usageError{err}
	}
	if c.lambda != "" {
		return serveFunction(ctx, c, stderr)
	}
	return serve(ctx, c, stderr)
}
