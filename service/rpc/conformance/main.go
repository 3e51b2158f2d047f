// Command conformance runs the official conformance suite of Connect and
// gRPC-Web, connectconformance, against package rpc: directly over HTTP/1.1
// and HTTP/2, and through a Lambda function in the emulator, from each
// source.
//
//	go run . -transports inproc,bufconn,unix -targets direct,function-url
//
// The suite runs this command again as the server under test, which in turn
// runs it as the function.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		return serveInvocations(ctx)
	}
	f := flag.NewFlagSet("conformance", flag.ContinueOnError)
	transports := f.String("transports", "inproc,bufconn,unix", "transports to the services, separated by commas")
	targets := f.String("targets", strings.Join(targetNames(), ","), "targets to test, separated by commas")
	parallel := f.Int("parallel", 8, "number of concurrent calls of the suite")
	only := f.String("run", "", "a pattern of the test cases to run")
	trace := f.Bool("trace", false, "show the HTTP requests and responses of failed cases")
	server := f.Bool("server", false, "run as the server under test; the suite sets this")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *server {
		return serve(ctx, *transports, *targets)
	}
	s, err := newSuite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.parallel, s.only, s.trace = *parallel, *only, *trace
	var errs []error
	for transport := range strings.SplitSeq(*transports, ",") {
		for target := range strings.SplitSeq(*targets, ",") {
			if err := s.run(ctx, transport, target); err != nil {
				errs = append(errs, fmt.Errorf("%s over %s: %w", target, transport, err))
			}
		}
	}
	return errors.Join(errs...)
}
