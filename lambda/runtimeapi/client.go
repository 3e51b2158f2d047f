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

// A Handler answers invocations with whole payloads. It is the interface of
// aws-lambda-go's lambda.Handler. Invoke is called by as many goroutines at once
// as there are workers.
//
// The payload's bytes are reused: nothing may use them after Invoke returns. The
// answer is the exception and may be a part of them. It must not change until
// the worker has posted it, which is when the invocation's after-functions run.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// A StreamFunc answers an invocation with a reader, which is posted while it is
// read. [Client.Serve] recognizes a StreamFunc and streams its answers.
//
//   - A method ContentType() string of the reader sets the Content-Type of the
//     answer, which is application/octet-stream without it.
//   - A reader with a method Len() int, such as a [bytes.Reader], is posted as a
//     buffered answer if Len is at most [MaxResponseBytes].
//   - An error of Read other than [io.EOF] makes the answer a failed one.
//   - A reader that is an [io.Closer] is closed once the answer is posted,
//     before any function that [After] registered.
//
// The payload must not be used after the reader is closed or, if it cannot be,
// read to its end.
type StreamFunc func(ctx context.Context, payload json.RawMessage) (io.Reader, error)

// Invoke implements [Handler]. It returns what the reader gives.
func (f StreamFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := f(ctx, payload)
	if err != nil {
		return nil, err
	}
	if closer, ok := r.(io.Closer); ok {
		defer func() { _ = closer.Close() }() // what was read is whole without it
	}
	return io.ReadAll(r)
}

// Config says how to reach the Runtime API. [FromEnv] makes one from the
// environment that Lambda sets. A zero value means the default named beside the
// field; only Address is required.
type Config struct {
	// Address is the host and port of the Runtime API, the value of
	// AWS_LAMBDA_RUNTIME_API.
	Address string

	// Workers is how many invocations run at once, the value of
	// AWS_LAMBDA_MAX_CONCURRENCY: 1 by default. Each worker has a connection.
	// The variable _X_AMZN_TRACE_ID is set only when there is one worker.
	Workers int

	// Logger gets what goes wrong; slog.Default by default.
	Logger *slog.Logger

	// ExitOnPanic makes Serve shut down and return an error after a handler has
	// panicked, as aws-lambda-go does. By default the panic fails its own
	// invocation and no other. The panic is reported either way.
	ExitOnPanic bool

	// ShutdownTimeout bounds the time from the end of Serve's context to Serve's
	// return: 450 ms by default, within the 500 ms that Lambda leaves between
	// SIGTERM and SIGKILL.
	ShutdownTimeout time.Duration

	// WithoutExtension leaves out the internal extension without which Lambda
	// sends no SIGTERM.
	WithoutExtension bool
}

// FromEnv returns the Config for the environment that getenv reads: Address
// from AWS_LAMBDA_RUNTIME_API and Workers from AWS_LAMBDA_MAX_CONCURRENCY. Its
// error names the variables that are missing or wrong; the Config then still
// has what the others say, so that [Client.FailInit] can report the error.
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

// maxWorkers leaves room below the 1,024 file descriptors and threads that a
// function may have.
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

// A Client is the runtime's side of the Runtime API for the life of a process.
// Use it for one call of Serve or FailInit.
type Client struct {
	cfg      Config
	log      *slog.Logger
	timing   timing
	base     context.Context // of invocations; set by Serve
	after    []func(context.Context)
	shutdown []func(context.Context) error

	extension *extension // nil: none is wanted
	first     chan *conn // the first worker's connection, dialled ahead
}

// New returns a client, and begins in the background what need not wait for
// the services to open: it connects to the Runtime API and registers the
// internal extension that makes Lambda send SIGTERM. Failures of these show in
// [Client.Serve]. The caller must call Serve or [Client.FailInit].
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
			first = nil // the worker dials again, and has the error
		}
		c.first <- first
		if c.extension != nil {
			c.extension.register()
		}
	}()
	return c, nil
}

// RegisterAfter registers f to run after each invocation, whether it was
// answered with success or failure, after the functions that the invocation
// itself registered with [After]. It is bounded as those are. Functions run in
// the order in which they were registered, by each worker for its own
// invocations, so that f must be safe for concurrent use if there are several.
// It must not be called after Serve.
func (c *Client) RegisterAfter(f func(context.Context)) { c.after = append(c.after, f) }

// RegisterOnShutdown registers f to run when Serve shuts down, after the last
// answer is posted and the last after-function has returned. Functions run one
// after another in the order in which they were registered. The context ends
// with [Config.ShutdownTimeout], and Serve does not wait for f beyond that. An
// error of f is part of what Serve returns. It must not be called after Serve.
func (c *Client) RegisterOnShutdown(f func(context.Context) error) {
	c.shutdown = append(c.shutdown, f)
}

// Serve serves invocations with handler until ctx ends or the Runtime API
// fails. It is New and [Client.Serve] for a program that has nothing to open.
func Serve(ctx context.Context, handler Handler, cfg Config) error {
	c, err := New(cfg)
	if err != nil {
		return err
	}
	return c.Serve(ctx, handler)
}

// After registers f to run when the invocation of ctx is answered, before the
// worker asks for the next one. ctx is the one that the handler was given, or
// derives from it. Functions run one after another in the order in which they
// were registered.
//
// f gets a context with the values of the invocation's, which ends shortly
// before the invocation's deadline: what has not returned by then is left
// behind, and functions that have not begun are dropped; both are logged. A
// panic in f is logged. The time that f takes is billed, and an invocation that
// comes meanwhile waits or goes to another execution environment.
//
// If ctx is not of an invocation of this package, or the invocation's functions
// have already run, After calls f itself, with ctx.
func After(ctx context.Context, f func(context.Context)) { after.Add(ctx, f) }
