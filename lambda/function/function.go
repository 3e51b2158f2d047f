// Package function runs a Lambda function that serves gRPC services over the HTTP
// events of API Gateway, Function URLs, Application Load Balancers and VPC
// Lattice. It also calls their methods for the events of package lambda/trigger.
// It reads its configuration from environment variables, logs in the format that
// Lambda is configured for, and stops cleanly on SIGTERM. Package local/server
// runs the same services outside Lambda.
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

// Main is the main function of a Lambda function. It serves the services of
// options until SIGTERM and then ends the process. The exit code is 0 after a
// clean stop. Otherwise it is 1, and the error is on standard error.
//
// Main sets slog's default logger. A handler that logs with the context of its
// call gets the ids of the request in its log; see service.NewLogHandler.
//
// The configuration sets the logger, CORS, reserved metadata, metrics and the
// drain timeout. Options override it.
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

// logTo makes logger the logger of slog's functions and of grpc-go.
func logTo(logger *slog.Logger) {
	slog.SetDefault(logger)
	service.LogGRPC(logger)
}

// Run is [Main] without ending the process. args are the arguments after the
// program's name, getenv reads the environment, and out gets logs, metrics and
// help. out must be safe for concurrent use, as an [os.File] is. Unlike Main, Run
// sets no default logger.
//
// When ctx ends, Run completes the invocations in flight and returns, as
// runtimeapi.Client.Serve does. The error is the cause of ctx if ctx was cancelled
// with one. An error of the configuration names the variable, its value and the
// allowed values. An error that keeps the function from serving is also reported
// to Lambda as an init error.
//
// Run changes the process's memory limit, GOGC and GOMAXPROCS unless RUNTIME_LIMITS
// is off.
func Run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, options ...service.Option) error {
	return run(ctx, args, getenv, out, func(*slog.Logger) {}, options)
}

// run is Run with setLogger, by which Main sets the process's logger.
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
		limitsFor(getenv).apply() // before goroutines start, since Go starts threads for them
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

// failInit reports err to the log and then to Lambda, which may end the process
// at once.
func failInit(client *runtimeapi.Client, out io.Writer, err error) error {
	fmt.Fprintln(out, err)
	return client.FailInit(err)
}

// readConfig returns a Config even with an error. The Config then has the defaults
// for values that could not be read.
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
