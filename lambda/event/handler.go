// Package event serves Lambda's HTTP events with an http.Handler. It knows the
// events of API Gateway REST APIs and HTTP APIs, Application Load Balancers, VPC
// Lattice and Function URLs. The handler sees the request that net/http's server
// would pass to it, and the client gets the response that this server would send.
// The package does not serve WebSockets, authorizers or events that are not
// HTTP requests; [WithFallback] passes such events to another handler.
//
// The package does not invent what a source does not send:
//
//   - HTTP APIs decode the path, so an encoded slash arrives as a slash.
//   - REST APIs, HTTP APIs with payload 1.0 and load balancers parse the query.
//     The parameters key and key= become the same, and different keys are in the
//     order of the event.
//   - HTTP APIs with payload 2.0 and Function URLs join the values of a repeated
//     header with commas. The package does not split them.
//   - Load balancers without multi-value headers send only the last value of a
//     header or parameter.
//   - Version 1 of VPC Lattice's event structure also joins the values of a
//     repeated header with commas.
//   - The HTTP version is always 1.1, whatever the client used.
//
// A response has no trailers and no informational statuses.
package event

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Handler serves events with an http.Handler. It implements runtimeapi.Handler
// and aws-lambda-go's lambda.Handler. It is safe for concurrent use, which
// AWS_LAMBDA_MAX_CONCURRENCY needs.
type Handler struct {
	next           http.Handler
	basePath       string
	deadlineMargin time.Duration
	maxBody        int
	log            *slog.Logger
	writeError     func(http.ResponseWriter, *Error)
	fallback       Invoker // may be nil
	failOn5xx      bool
	tls            *tls.ConnectionState
	started        atomic.Bool // a request has been served
}

// NewHandler returns a Handler that serves events with next. For buffered
// responses, pass the Handler to runtimeapi.Serve or to aws-lambda-go's
// lambda.Start. For streamed responses, pass its method [Handler.Stream]
// instead; runtimeapi.Serve takes it as a runtimeapi.StreamFunc.
//
// next should return when the request's context ends. If it has not returned
// half of the deadline margin later (see [WithDeadlineMargin]), the client gets
// 504, and later writes fail with [http.ErrHandlerTimeout]. An invocation with a
// deadline, which every invocation by Lambda has, is therefore served on its own
// goroutine.
//
// If next panics, the client gets 500. This includes [http.ErrAbortHandler],
// since a buffered response cannot be aborted.
//
// As with net/http's server, the body written in response to HEAD is dropped. A
// flush completes the response to HEAD: the request's context ends, and further
// writes fail with [http.ErrBodyNotAllowed].
func NewHandler(next http.Handler, options ...Option) *Handler {
	h := &Handler{
		next:           next,
		deadlineMargin: 500 * time.Millisecond,
		maxBody:        6 << 20,
		log:            slog.Default(),
		writeError:     writeError,
		tls:            &tls.ConnectionState{HandshakeComplete: true},
	}
	for _, option := range options {
		option(h)
	}
	return h
}

// Invoke serves one event and returns the response in the format of the event's
// source. It does not use payload after it returns.
//
// The error is an [UnsupportedEventError] or a [MalformedEventError] if the event
// is not HTTP, or the error of [WithFallback]'s handler. All other failures
// become HTTP responses, except with [WithFunctionErrors].
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv, err := h.newInvocation(ctx, payload)
	if err != nil {
		return h.fallBack(ctx, payload, err)
	}
	return h.respond(inv)
}

// invocation is one event while the Handler serves it.
type invocation struct {
	format  responseFormat
	method  string
	request *http.Request
	cancel  context.CancelFunc
	cutoff  time.Time // when to respond without the handler; zero for never
	failure *Error    // the response, if the handler is not to be called
}

func (h *Handler) newInvocation(ctx context.Context, payload []byte) (*invocation, error) {
	if err := notAnObject(payload); err != nil {
		return nil, err
	}
	e, err := decodePayload(payload)
	if err != nil {
		return nil, &MalformedEventError{err.Error()}
	}
	src, err := detectSource(&e)
	if errors.Is(err, errNotHTTP) {
		err = unsupported(string(payload))
	}
	if err != nil {
		return nil, err
	}
	inv := &invocation{format: src.responseFormat(), method: cmp.Or(e.context.method, e.httpMethod, e.method), cancel: func() {}}
	err = h.newRequest(ctx, inv, src, &e)
	if err != nil && !errors.As(err, &inv.failure) {
		return nil, &MalformedEventError{fmt.Sprintf("an event of %s: %v", src.name(), err)}
	}
	return inv, nil
}

// respond serves an invocation and returns the whole response.
func (h *Handler) respond(inv *invocation) ([]byte, error) {
	out, status := h.buffered(inv)
	if h.failOn5xx && status >= http.StatusInternalServerError {
		return nil, &ServerError{status}
	}
	return out, nil
}

// buffered serves an invocation and returns the whole response and its status.
func (h *Handler) buffered(inv *invocation) ([]byte, int) {
	defer inv.cancel()
	failure := inv.failure
	if failure == nil {
		if c, ok := inv.request.Context().Value(infoKey{}).(*carried); ok {
			c.limit = inv.format.limit
		}
		w, b := h.newBufferedWriter(inv)
		w.cancel = inv.cancel
		var returned bool
		if failure, returned = h.serve(inv, w); !returned {
			return h.bufferedError(inv, failure), failure.Status
		}
		if failure == nil || w.complete {
			failure = w.finish()
		}
		if failure == nil {
			if out, ok := b.response(w.head.close(), inv.format.limit); ok {
				return out, w.status
			}
			failure = responseTooLarge(inv.format)
		}
	}
	return h.bufferedError(inv, failure), failure.Status
}

func (h *Handler) newBufferedWriter(inv *invocation) (*responseWriter, *bufferedBody) {
	b := &bufferedBody{limit: inv.format.limit}
	return newResponseWriter(inv.format, inv.method, h.log, b), b
}

// bufferedError returns the response that reports failure.
func (h *Handler) bufferedError(inv *invocation, failure *Error) []byte {
	if out, ok := h.tryBufferedError(inv, failure, h.writeError); ok {
		return out
	}
	out, _ := h.tryBufferedError(inv, failure, writeError)
	return out
}

func (h *Handler) tryBufferedError(inv *invocation, failure *Error, write func(http.ResponseWriter, *Error)) ([]byte, bool) {
	w, b := h.newBufferedWriter(inv)
	if h.recoverPanic(func() { write(w, failure) }) != nil || w.finish() != nil {
		return nil, false
	}
	return b.response(w.head.close(), inv.format.limit)
}

// serve calls the handler and waits for it, at most until the cutoff. If the
// handler has not returned by then, the caller must not use w again.
func (h *Handler) serve(inv *invocation, w *responseWriter) (failure *Error, returned bool) {
	if inv.cutoff.IsZero() {
		return h.recoverPanic(func() { h.next.ServeHTTP(w, inv.request) }), true
	}
	done := make(chan *Error, 1)
	go func() {
		growStack(false)
		failure := internalError() // if the handler calls runtime.Goexit
		defer func() { done <- failure }()
		failure = h.recoverPanic(func() { h.next.ServeHTTP(w, inv.request) })
	}()
	select {
	case failure = <-done:
		return failure, true
	case <-inv.request.Context().Done():
	}
	timer := time.NewTimer(time.Until(inv.cutoff))
	defer timer.Stop()
	select {
	case failure = <-done:
		return failure, true
	case <-timer.C:
	}
	w.abandoned.Store(true)
	h.log.Error("event: the handler has not returned by the deadline", "method", inv.method)
	if w.tooLarge.Load() {
		return responseTooLarge(inv.format), false
	}
	return deadlineExceeded(), false
}

// recoverPanic calls f and recovers from a panic, which it logs. Like net/http's
// server, it does not log http.ErrAbortHandler.
func (h *Handler) recoverPanic(f func()) (failure *Error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		failure = internalError()
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			return
		}
		h.log.Error("event: the handler panicked", "panic", v, "stack", string(debug.Stack()))
	}()
	f()
	return nil
}
