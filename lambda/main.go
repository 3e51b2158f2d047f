// Command lambda is the Lambda function, the file that is called bootstrap in
// its deployment package: the example services behind their gateway, for the
// HTTP events of API Gateway, Function URLs and Application Load Balancers.
// With -help it lists the environment variables that it reads.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lambda:", err)
		os.Exit(1)
	}
}

// run serves invocations until SIGTERM.
func run(args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) > 0 && strings.TrimLeft(args[0], "-") == "help" {
		usage(stdout)
		return nil
	}
	c, err := readConfig(getenv)
	if err != nil {
		return err
	}
	if getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		return errors.New("AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda: see -help")
	}
	f, err := newFunction(c, stdout)
	if err != nil {
		return err
	}
	stopped := make(chan error)
	go lambda.StartWithOptions(f.handler(), lambda.WithEnableSIGTERM(func() { stopped <- f.close() }))
	return <-stopped // the runtime client itself never returns
}
