// Command conformance runs the official conformance suite of Connect and
// gRPC-Web, connectconformance, against package rpc: directly over HTTP/1.1 and
// HTTP/2, and through a Lambda function in the emulator, from each source.
//
//	go run . -transports inproc,bufconn,unix -targets direct,function-url
//
// The suite starts this command again, as the server that it tests, and that
// starts it once more as the function.
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
	transports := f.String("transports", "inproc,bufconn,unix", "how the services are reached, separated by commas")
	targets := f.String("targets", strings.Join(targetNames(), ","), "what is tested, separated by commas")
	parallel := f.Int("parallel", 8, "how many calls the suite makes at once")
	only := f.String("run", "", "a pattern of the test cases to run")
	trace := f.Bool("trace", false, "show the HTTP requests and responses of failed cases")
	server := f.Bool("server", false, "be the server under test, as the suite starts it")
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
