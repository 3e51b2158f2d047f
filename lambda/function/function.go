// Package function is a Lambda function that serves gRPC services over the HTTP
// events of API Gateway, Function URLs and Application Load Balancers, and calls
// their methods for the events that package lambda/trigger is about. It reads
// its configuration from environment variables, logs in the format that the
// function is configured for, and stops cleanly on SIGTERM. The same services
// run outside of Lambda with package local/server.
package function

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
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// Main is the whole main function of a Lambda function. It serves what options
// describe until SIGTERM and ends the process: with code 0 after a clean stop,
// and with 1 and a line on standard error otherwise.
//
// The logger is slog's default too: a handler that logs with the context of its
// call writes lines with the ids of the request, see service.NewLogHandler.
//
// Logger, CORS, reserved metadata, metrics and drain timeout follow the
// configuration; options that set one of them win.
func Main(options ...service.Option) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, logTo, options)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// logTo makes logger the process's, for handlers that log with slog.InfoContext,
// and for grpc-go.
func logTo(logger *slog.Logger) {
	slog.SetDefault(logger)
	service.LogGRPC(logger)
}

// Run is [Main] without the process: it takes the arguments after the program's
// name, the environment, and the writer for logs, metrics and help. It returns
// when ctx has ended and the invocations in flight have been answered, as
// runtimeapi.Client.Serve has it; the error is the cause of ctx if ctx was
// cancelled with one. A mistake in the configuration is an error that names
// the variable, its value and what is allowed. Whatever keeps the function from
// serving is reported to Lambda as an init error, too.
//
// Run changes Go's memory limit and GOMAXPROCS of the process unless
// RUNTIME_LIMITS is off.
func Run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, options ...service.Option) error {
	return run(ctx, args, getenv, out, func(*slog.Logger) {}, options)
}

// run is Run. slog's default and what grpc-go logs are the process's, so that
// only Main has them go to the logger, with setLogger.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, setLogger func(*slog.Logger), options []service.Option) error {
	c, table, err := readConfig(args, getenv, options)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, about)
		table.WriteHelp(out, config.Function)
		return nil
	}
	api, apiErr := runtimeapi.FromEnv(getenv)
	if api.Address == "" && err == nil {
		return fmt.Errorf("%w: see -help", apiErr)
	} else if api.Address == "" {
		return err
	}
	err = errors.Join(err, apiErr)
	if err == nil && c.TuneRuntime {
		limitsFor(getenv).apply() // before there are goroutines, for which Go starts threads
	}
	logger := newLogger(c, out)
	setLogger(logger)
	api.Logger = logger
	client, clientErr := runtimeapi.New(api)
	if clientErr != nil {
		return errors.Join(err, clientErr)
	}
	if err != nil {
		return failInit(client, out, err)
	}
	p, err := open(ctx, c, out, logger, options)
	if err != nil {
		return failInit(client, out, err)
	}
	return p.serve(ctx, client)
}

// failInit reports err to the log and to Lambda, in this order: Lambda may end
// the process as soon as it knows.
func failInit(client *runtimeapi.Client, out io.Writer, err error) error {
	fmt.Fprintln(out, err)
	return client.FailInit(err)
}

// readConfig returns a Config also with an error, with the defaults for what
// could not be read.
func readConfig(args []string, getenv func(string) string, options []service.Option) (*config.Config, *config.Table, error) {
	table, err := config.NewTable(service.Variables(options...), nil)
	if err != nil {
		return &config.Config{}, nil, err
	}
	c, err := table.ReadFunction(args, getenv)
	if c == nil {
		c = &config.Config{}
	}
	return c, table, err
}

const about = `This is a Lambda function: it talks to the Lambda Runtime API and takes no flags.
To run it on this machine, use the local server with -lambda. It reads these
environment variables, where an empty one counts as unset:

`
