// Package server serves gRPC services on a laptop or in a container: HTTP
// through their gateway, gRPC with reflection, Prometheus metrics, and a page
// with the methods and the latest calls, each on an address of its own. It
// limits what one client can take of the process.
// With -lambda FILE it serves HTTP through a function binary instead, in an
// emulator of the Lambda Runtime API. The same services run on Lambda with
// package lambda/function.
package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// Main is the whole main function of a local server. It serves what options
// describe until SIGINT or SIGTERM, lets calls in flight finish and ends the
// process; a second signal ends it at once. The exit code is 0 after a clean
// stop and after -help, 2 for a mistake in flags or variables, and 1 for every
// other failure. Errors and logs go to standard error.
//
// The logger is slog's default too: a handler that logs with the context of its
// call writes lines with the ids of the request, see service.NewLogHandler.
// options come after those that follow from the configuration.
func Main(options ...service.Option) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr, os.Stdout, logTo, options)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
	}
	os.Exit(exitCode(err))
}

// logTo makes logger the process's, for handlers that log with slog.InfoContext,
// and for grpc-go.
func logTo(logger *slog.Logger) {
	slog.SetDefault(logger)
	service.LogGRPC(logger)
}

// Run is [Main] without the process: it takes the arguments after the program's
// name, the environment, and the writer for logs, help and the answer to an
// event. It returns when ctx has ended and the calls in flight have finished or
// taken longer than the drain timeout. A mistake in the configuration is an
// error that names the flag or the variable, its value and what is allowed.
// Several Runs in one process do not disturb one another.
func Run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, options ...service.Option) error {
	return run(ctx, args, getenv, out, out, func(*slog.Logger) {}, options)
}

// run is Run. slog's default and what grpc-go logs are the process's, so that
// only Main has them go to the logger, with setLogger.
func run(ctx context.Context, args []string, getenv func(string) string, out, answers io.Writer, setLogger func(*slog.Logger), options []service.Option) error {
	table, err := config.NewTable(service.Variables(options...), sources())
	if err != nil {
		return usageError{err}
	}
	c, err := table.ReadServer(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, about)
		table.WriteHelp(out, config.Server)
		return nil
	case err != nil:
		return usageError{err}
	}
	logger := slog.New(service.NewLogHandler(slog.NewTextHandler(out, &slog.HandlerOptions{Level: c.LogLevel})))
	setLogger(logger)
	switch {
	case c.EventPath != "":
		return handleEvent(ctx, c, out, answers, logger, options)
	case c.Program == config.Emulator:
		return serveFunction(ctx, c, out, logger, options)
	}
	return serve(ctx, c, logger, options)
}

// sources are the values of -source.
func sources() []string {
	var names []string
	for _, s := range frontdoor.Sources() {
		names = append(names, string(s))
	}
	return names
}

const about = `This is a local server: HTTP through the gateway, gRPC with reflection, and
metrics. With -lambda it serves HTTP through a Lambda function instead, in an
emulator of the Lambda Runtime API, and passes on to it what the function reads.
With -event it handles one event as Lambda would, and prints the answer.

Each setting is a flag, and an environment variable where one is named. The
flag wins; an empty variable counts as unset.

`

// usageError is a mistake in the flags or variables.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	default:
		return 1
	}
}
