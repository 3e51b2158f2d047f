package runtimeapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/after"
)

// A Handler handles invocations with whole payloads. The interface is that of
// aws-lambda-go's lambda.Handler. Each worker calls Invoke, so it must be safe
// for concurrent use if there are several workers.
//
// The bytes of payload are reused and must not be used after Invoke returns. Only
// the response may share memory with payload. The response must not change until
// the worker has posted it, which is before the after-functions run.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// A StreamFunc handles an invocation and returns a reader of the response.
// [Client.Serve] detects a StreamFunc and posts the response while it reads it.
//
//   - A method ContentType() string of the reader sets the Content-Type of the
//     response. The default is application/octet-stream.
//   - A reader with a method Len() int, such as a [bytes.Reader], is posted as a
//     buffered response if Len is at most 6,291,556 bytes.
//   - An error of Read other than [io.EOF] fails the response.
//   - A reader that is an [io.Closer] is closed after the response is posted and
//     before the after-functions run.
//
// The bytes of payload are reused. They must not be used after the reader is
// closed or, if it is not an io.Closer, has been read to its end.
type StreamFunc func(ctx context.Context, payload json.RawMessage) (io.Reader, error)

// Invoke implements [Handler]. It reads the whole response.
func (f StreamFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := f(ctx, payload)
	if err != nil {
		return nil, err
	}
	if closer, ok := r.(io.Closer); ok {
		defer func() { _ = closer.Close() }() // the response is complete without it
	}
	return io.ReadAll(r)
}

// Config configures a [Client]. [FromEnv] returns one for the environment that
// Lambda sets. Only Address is required; a field's zero value means its default.
type Config struct {
	// Address is the host and port of the Runtime API, the value of
	// AWS_LAMBDA_RUNTIME_API.
	Address string

	// Workers is the number of invocations that run at once, the value of
	// AWS_LAMBDA_MAX_CONCURRENCY. The default is 1. Each worker has its own
	// connection. The variable _X_AMZN_TRACE_ID is set only if there is one worker.
	Workers int

	// Logger is the logger for failures. The default is slog.Default().
	Logger *slog.Logger

	// ExitOnPanic makes Serve shut down and return an error after a handler
	// panics, as aws-lambda-go does. By default the panic fails only its own
	// invocation. In both cases the panic is reported to Lambda.
	ExitOnPanic bool

	// ShutdownTimeout is the maximum time from the end of Serve's context to
	// Serve's return. The default is 450 ms, since Lambda sends SIGKILL 500 ms
	// after SIGTERM.
	ShutdownTimeout time.Duration

	// WithoutExtension turns off the internal extension. Without an extension
	// Lambda sends no SIGTERM.
	WithoutExtension bool
}

// FromEnv returns the Config for the environment that getenv reads: Address
// from AWS_LAMBDA_RUNTIME_API and Workers from AWS_LAMBDA_MAX_CONCURRENCY. The
// error names the variables that are missing or invalid. The Config then still
// has the valid values, so [Client.FailInit] can report the error.
func FromEnv(getenv func(string) string) (Config, error) {
	const address, workers = "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_MAX_CONCURRENCY"
	c := Config{Address: getenv(address)}
	var errs []error
	if c.Address == "" {
		errs = append(errs, errors.New(address+" is not set, so this is not Lambda"))
	}
	if v := getenv(workers); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxWorkers {
			errs = append(errs, fmt.Errorf("%s=%q: want a number from 1 to %d", workers, v, maxWorkers))
		} else {
			c.Workers = n
		}
	}
	return c, errors.Join(errs...)
}

// maxWorkers is below the 1,024 file descriptors and threads that a function may
// have.
const maxWorkers = 1000

func (c Config) withDefaults() (Config, error) {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return c, fmt.Errorf("runtimeapi: Address %q: want host:port: %w", c.Address, err)
	}
	if c.Workers < 0 || c.Workers > maxWorkers {
		return c, fmt.Errorf("runtimeapi: Workers is %d: want 1 to %d", c.Workers, maxWorkers)
	}
	if c.ShutdownTimeout < 0 {
		return c, fmt.Errorf("runtimeapi: ShutdownTimeout is %v: want a duration that is not negative", c.ShutdownTimeout)
	}
	c.Workers = cmp.Or(c.Workers, 1)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, 450*time.Millisecond)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

// A Client is a client of the Runtime API for the life of a process. Call either
// Serve or FailInit, and call it only once.
type Client struct {
	cfg      Config
	log      *slog.Logger
	timing   timing
	base     context.Context // of invocations; set by Serve
	after    []func(context.Context)
	shutdown []func(context.Context) error

	extension *extension // nil with WithoutExtension
	first     chan *conn // the first worker's connection, dialled by New
}

// New returns a Client. In the background, while the caller opens what it needs,
// it connects to the Runtime API and registers the internal extension that makes
// Lambda send SIGTERM. [Client.Serve] reports failures of these. The caller must
// call Serve or [Client.FailInit], which release both connections.
func New(cfg Config) (*Client, error) { return newClient(cfg, defaultTiming()) }

func newClient(cfg Config, timing timing) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, log: cfg.Logger, timing: timing, first: make(chan *conn, 1)}
	if !cfg.WithoutExtension {
		c.extension = newExtension(cfg.Address, timing)
	}
	go func() {
		first, err := dial(cfg.Address, timing)
		if err != nil {
			first = nil // the worker dials again and reports the error
		}
		c.first <- first
		if c.extension != nil {
			c.extension.register()
		}
	}()
	return c, nil
}

// RegisterAfter registers f to run after every invocation, successful or not.
// f runs after the functions that the invocation registered with [After], and
// with the same deadline. Several functions run in the order of registration.
// Each worker runs them for its own invocations, so f must be safe for concurrent
// use if there are several workers. Do not call RegisterAfter after Serve.
func (c *Client) RegisterAfter(f func(context.Context)) { c.after = append(c.after, f) }

// RegisterOnShutdown registers f to run when Serve shuts down, after the last
// response is posted and the last after-function has returned. Functions run one
// at a time in the order of registration. The context of f ends with
// [Config.ShutdownTimeout], and Serve does not wait any longer for f. Serve
// returns an error of f. Do not call RegisterOnShutdown after Serve.
func (c *Client) RegisterOnShutdown(f func(context.Context) error) {
	c.shutdown = append(c.shutdown, f)
}

// Serve serves invocations with handler until ctx ends or the Runtime API fails.
// It calls [New] and [Client.Serve], for a program that has nothing to open.
func Serve(ctx context.Context, handler Handler, cfg Config) error {
	c, err := New(cfg)
	if err != nil {
		return err
	}
	return c.Serve(ctx, handler)
}

// After registers f to run after the response is posted and before the worker
// asks for the next invocation. ctx is the handler's context or derives from it.
// Functions run one at a time in the order of registration.
//
// The context of f has the values of the invocation's context and ends shortly
// before the invocation's deadline. The worker does not wait any longer for f, and
// it drops functions that have not started; it logs both. It also logs a panic in
// f. The time that f takes is billed. An invocation that arrives meanwhile waits
// or goes to another execution environment.
//
// If ctx does not belong to an invocation, or the invocation's functions have
// already run, After calls f with ctx before it returns.
func After(ctx context.Context, f func(context.Context)) { after.Add(ctx, f) }
