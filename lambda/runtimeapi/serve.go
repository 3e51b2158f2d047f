package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// Serve serves invocations with handler until ctx ends or the Runtime API fails.
// The program ends ctx on SIGTERM, with signal.NotifyContext.
//
// When ctx ends, Serve takes no further invocation. It completes those in flight,
// including their after-functions, and then runs the functions of
// [Client.RegisterOnShutdown]. [Config.ShutdownTimeout] limits all of this. Serve
// then returns nil, or an error that says what was not completed. The contexts of
// invocations do not end with ctx.
//
// Serve also returns an error if the API cannot be reached, if the API's response
// is a [StatusError], if a handler panicked and [Config.ExitOnPanic] is set, or if
// a handler's error is a messages.InvokeResponse_Error with ShouldExit. It
// completes the invocations of other workers first, as at a shutdown. The process
// should exit with a code other than 0 if the error is not nil.
func (c *Client) Serve(ctx context.Context, handler Handler) error {
	defer c.close()
	conn := <-c.first
	if handler == nil {
		if conn != nil {
			_ = conn.Close() // unused
		}
		return errors.New("runtimeapi: Serve with a nil handler")
	}
	c.base = context.WithoutCancel(ctx)
	c.awaitExtension(ctx)
	stopped := make(chan struct{})
	results := make(chan error, c.cfg.Workers)
	workers := make([]*worker, c.cfg.Workers)
	for i := range workers {
		workers[i] = &worker{client: c, handler: handler, stopped: stopped}
	}
	workers[0].conn = conn
	for _, w := range workers {
		w.start(results)
	}
	var first error
	running := len(workers)
	select {
	case <-ctx.Done():
	case first = <-results:
		running--
	}
	close(stopped)
	for _, w := range workers {
		w.stop()
	}
	return errors.Join(first, c.shutDown(workers, results, running))
}

// shutDown waits for the running workers and then runs the functions of
// RegisterOnShutdown.
func (c *Client) shutDown(workers []*worker, results <-chan error, running int) error {
	ctx, cancel := context.WithTimeout(c.base, c.cfg.ShutdownTimeout)
	defer cancel()
	limit := c.cfg.ShutdownTimeout
	if len(c.shutdown) > 0 {
		limit -= limit / 9 // kept for the functions: 50 ms by default
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var errs []error
	for ; running > 0; running-- {
		select {
		case err := <-results:
			errs = append(errs, err)
			continue
		case <-timer.C:
			errs = append(errs, fmt.Errorf("runtimeapi: %d of %d workers had not finished %v after the shutdown began",
				running, len(workers), limit))
		}
		break
	}
	for _, w := range workers {
		w.abandon()
	}
	for i, f := range c.shutdown {
		if err := c.runShutdown(ctx, f); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil && i+1 < len(c.shutdown) {
			errs = append(errs, fmt.Errorf("runtimeapi: %d shutdown functions were not run", len(c.shutdown)-i-1))
			break
		}
	}
	return errors.Join(errs...)
}

func (c *Client) runShutdown(ctx context.Context, f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("runtimeapi: a shutdown function did not return")
		defer func() { done <- err }()
		defer c.logPanic("a shutdown function panicked")
		err = f(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("runtimeapi: a shutdown function was cut after %v", c.cfg.ShutdownTimeout)
	}
}

// awaitExtension waits until the internal extension is registered, and logs a
// warning if it is not. The API refuses extensions after the first call of next.
func (c *Client) awaitExtension(ctx context.Context) {
	if c.extension == nil {
		return
	}
	timer := time.NewTimer(c.timing.register)
	defer timer.Stop()
	var err error
	select {
	case err = <-c.extension.registered:
	case <-timer.C:
		err = fmt.Errorf("no response within %v", c.timing.register)
	case <-ctx.Done():
		return
	}
	if err != nil {
		c.log.Warn("runtimeapi: the internal extension is not registered, so Lambda may end the function without SIGTERM", "error", err)
	}
}

// close closes the extension's connection.
func (c *Client) close() {
	if c.extension != nil {
		c.extension.close()
	}
}

// FailInit reports to the Runtime API that the process cannot serve. Call it
// instead of [Client.Serve] and then exit with a code other than 0. It sends err's
// message with the type Runtime.InitError, or the message and type of a
// messages.InvokeResponse_Error. It returns err, joined with the error of the
// report if that fails.
func (c *Client) FailInit(err error) error {
	defer c.close()
	w := worker{client: c, conn: <-c.first}
	defer w.hangUp()
	if failed := w.postInitError(err); failed != nil {
		err = errors.Join(err, fmt.Errorf("runtimeapi: reporting an init error: %w", failed))
	}
	return err
}

func (w *worker) postInitError(err error) error {
	f := newFailure(err)
	if _, own := err.(messages.InvokeResponse_Error); !own { //nolint:errorlint // as newFailure has it
		f.Type = "Runtime.InitError"
	}
	if err := w.connect(); err != nil {
		return err
	}
	c := w.conn
	c.begin(http.MethodPost, runtimePath+"init/error")
	c.header("Content-Type", contentTypeJSON)
	c.header(headerErrorType, f.headerType())
	c.bound(time.Now().Add(w.client.timing.reply))
	if err := c.post(f.document()); err != nil {
		return err
	}
	resp, err := c.receive()
	if err == nil && resp.code >= 300 {
		err = w.statusError("POST init/error", resp)
	}
	return err
}
