package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// runFunction makes the process a function that runs a handler of the tests, under
// aws-lambda-go or under runtimeapi.
func runFunction(name string) {
	switch name {
	case "aws buffered":
		lambda.Start(handlerFunc(failing))
	case "aws streamed":
		lambda.Start(streamOf)
	case "own buffered":
		runOwn(handlerFunc(failing), true)
	case "own streamed":
		runOwn(runtimeapi.StreamFunc(streamOf), true)
	case "sleeper":
		runOwn(handlerFunc(sleep), false)
	case "sleeping stream":
		runOwn(runtimeapi.StreamFunc(sleepingStream), false)
	case "services":
		exit(runServices())
	}
	fmt.Fprintln(os.Stderr, "no function", name)
	os.Exit(1)
}

// shutdownTimeout is within the grace of the tests that end a function, and enough
// for invocations in flight on a busy machine.
const shutdownTimeout = 8 * time.Second

func runOwn(handler runtimeapi.Handler, exitOnPanic bool) {
	err := func() error {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		cfg, err := runtimeapi.FromEnv(os.Getenv)
		if err != nil {
			return err
		}
		cfg.ShutdownTimeout = shutdownTimeout
		cfg.ExitOnPanic = exitOnPanic
		cfg.WithoutExtension = os.Getenv("EXTENSION") == "off"
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
		c, err := runtimeapi.New(cfg)
		if err != nil {
			return err
		}
		if text := os.Getenv("FAIL_INIT"); text != "" {
			return c.FailInit(errors.New(text))
		}
		c.RegisterAfter(func(context.Context) { fmt.Println("after") })
		c.RegisterOnShutdown(func(context.Context) error { fmt.Println("shutdown"); return nil })
		return c.Serve(ctx, handler)
	}()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// nap is the event of the functions that sleep.
type nap struct {
	ID    string
	For   time.Duration // before the response
	Until string        // after it, until this file exists
}

func (n nap) payload() []byte {
	out, _ := json.Marshal(n)
	return out
}

func sleep(ctx context.Context, payload []byte) ([]byte, error) {
	var n nap
	if err := json.Unmarshal(payload, &n); err != nil {
		return nil, err
	}
	if n.Until != "" {
		fmt.Println("began", n.ID)
		runtimeapi.After(ctx, func(ctx context.Context) {
			for _, err := os.Stat(n.Until); err != nil && ctx.Err() == nil; _, err = os.Stat(n.Until) {
				time.Sleep(time.Millisecond)
			}
			fmt.Println("rested", n.ID)
		})
	}
	time.Sleep(n.For)
	return payload, nil
}

func sleepingStream(ctx context.Context, payload json.RawMessage) (io.Reader, error) {
	text := string(payload)
	half := strings.NewReader(text[:len(text)/2])
	woken := false
	rest := strings.NewReader(text[len(text)/2:])
	return io.MultiReader(half, readFunc(func(p []byte) (int, error) {
		if !woken {
			woken = true
			if _, err := sleep(ctx, []byte(text)); err != nil {
				return 0, err
			}
		}
		return rest.Read(p)
	})), nil
}
