// Package server serves gRPC services on a local machine or in a container: HTTP
// through their gateway, gRPC with reflection, Prometheus metrics, and a page with
// the methods and the latest calls. Each has its own address. Limits on bodies,
// timeouts and connections keep one client from using up the process.
//
// With -lambda FILE it serves HTTP through a function binary instead, in an
// emulator of the Lambda Runtime API. Package lambda/function runs the same
// services on Lambda.
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

// Main is the whole main function of a local server. It serves the services of
// options until SIGINT or SIGTERM, waits for calls in flight, and ends the
// process. A second signal ends the process at once. The exit code is 0 after a
// clean stop and after -help, 2 for an invalid flag or variable, and 1 for every
// other failure. Errors and logs go to standard error; help and the response to
// -event go to standard output.
//
// Main sets slog's default logger. If a handler logs with the context of its call,
// the line has the IDs of the request; see service.NewLogHandler. The options that
// follow from the configuration are applied first, then options.
func Main(options ...service.Option) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr, os.Stdout, logTo, options)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
	}
	os.Exit(exitCode(err))
}

// logTo makes logger the default of slog, for handlers that call slog.InfoContext,
// and the logger of grpc-go.
func logTo(logger *slog.Logger) {
	slog.SetDefault(logger)
	service.LogGRPC(logger)
}

// Run is like [Main] but does not use or end the process. args are the arguments
// after the program's name. getenv looks up environment variables. out receives
// logs, help, and the response to -event. It must be safe for concurrent use, as an
// [os.File] is.
//
// Run returns when ctx has ended and the calls in flight have finished or exceeded
// the drain timeout. The error for an invalid setting gives the flag or variable,
// its value, and the allowed values. Several Runs can coexist in one process.
func Run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, options ...service.Option) error {
	return run(ctx, args, getenv, out, out, func(*slog.Logger) {}, options)
}

// run implements Run and Main. setLogger makes the logger the default of slog and
// grpc-go, which only Main may do because they belong to the process.
func run(ctx context.Context, args []string, getenv func(string) string, out, responses io.Writer, setLogger func(*slog.Logger), options []service.Option) error {
	table, err := config.NewTable(service.Variables(options...), sources())
	if err != nil {
		return usageError{err}
	}
	c, err := table.ReadServer(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(responses, about)
		table.WriteHelp(responses, config.Server)
		return nil
	case err != nil:
		return usageError{err}
	}
	logger := slog.New(service.NewLogHandler(slog.NewTextHandler(out, &slog.HandlerOptions{Level: c.LogLevel})))
	setLogger(logger)
	switch {
	case c.EventPath != "":
		return handleEvent(ctx, c, out, responses, logger, options)
	case c.Program == config.Emulator:
		return serveFunction(ctx, c, out, logger, options)
	}
	return serve(ctx, c, logger, options)
}

// sources returns the values of -source.
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
With -event it handles one event as Lambda would, and prints the response.

Each setting is a flag, and most are also environment variables. The flag wins;
an empty variable counts as unset.

`

// usageError is an error in the flags or variables.
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
