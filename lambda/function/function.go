// Package function is a Lambda function that serves gRPC services over the HTTP
// events of API Gateway, Function URLs and Application Load Balancers. It reads
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
	"os"
	"path/filepath"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// Main is the whole main function of a Lambda function. It serves what options
// describe until SIGTERM and then ends the process: with code 0 after a clean
// stop and after -help, and with 1 and a line on standard error otherwise.
//
// options come after those that follow from the configuration: logger, CORS,
// reserved metadata, metrics and drain timeout.
func Main(options ...service.Option) {
	if err := Run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, options...); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Run is [Main] without the process: it takes the arguments after the program's
// name, the environment, and the writer for logs, metrics and help. It returns
// when the platform sent SIGTERM or ctx ended, after it has drained the calls
// in flight; the error is then that of the drain, or the cause of ctx if ctx
// was cancelled with one. A mistake in the configuration is an error that names
// the variable, its value and what is allowed.
//
// Run changes Go's memory limit and GOMAXPROCS of the process unless
// RUNTIME_LIMITS is off. A process can call it once, since aws-lambda-go's loop
// cannot be ended.
func Run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, options ...service.Option) error {
	table, err := config.NewTable(service.Variables(options...), nil)
	if err != nil {
		return err
	}
	c, err := table.ReadFunction(args, getenv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, about)
		table.WriteHelp(out, config.Function)
		return nil
	}
	if err != nil {
		return err
	}
	if getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		return errors.New("AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda: see -help")
	}
	if c.TuneRuntime {
		limitsFor(getenv).apply()
	}
	p, err := open(ctx, c, out, options)
	if err != nil {
		return err
	}
	return serve(ctx, p.handler(), p.close)
}

const about = `This is a Lambda function: it talks to the Lambda Runtime API and takes no flags.
To run it on this machine, use the local server with -lambda. It reads these
environment variables, where an empty one counts as unset:

`
