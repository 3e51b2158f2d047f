package runtimeapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// runServices runs the test services behind their gateway and event handler: a whole
// function. It reads the configuration of the real one.
func runServices() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg, err := runtimeapi.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	cfg.ShutdownTimeout = shutdownTimeout
	cfg.Logger = logger
	client, err := runtimeapi.New(cfg)
	if err != nil {
		return err
	}
	c, err := readConfig()
	if err != nil {
		return client.FailInit(err)
	}
	s, err := service.New(ctx, c.Transport, append(testservice.Options(), service.WithLogger(logger))...)
	if err != nil {
		return client.FailInit(err)
	}
	client.RegisterOnShutdown(func(context.Context) error {
		defer fmt.Println("closed")
		return s.Close()
	})
	h := event.NewHandler(slow(s), event.WithLogger(logger))
	if c.Stream {
		return client.Serve(ctx, runtimeapi.StreamFunc(h.Stream))
	}
	return client.Serve(ctx, h)
}

// readConfig reads the environment as the function does.
func readConfig() (*config.Config, error) {
	table, err := config.NewTable(nil, nil)
	if err != nil {
		return nil, err
	}
	return table.ReadFunction(nil, os.Getenv)
}

// slow delays a request by as many milliseconds as its header X-Delay says, and
// prints a line after the answer to one that has a header X-After.
func slow(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ms, err := strconv.Atoi(r.Header.Get("X-Delay")); err == nil {
			time.Sleep(time.Duration(ms) * time.Millisecond)
		}
		if line := r.Header.Get("X-After"); line != "" {
			event.After(r.Context(), func(context.Context) { fmt.Println(line) })
		}
		next.ServeHTTP(w, r)
	})
}
