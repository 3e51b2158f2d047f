// Package event serves Lambda's HTTP events with an http.Handler: those of API
// Gateway REST APIs and HTTP APIs, of Application Load Balancers, of VPC Lattice
// and of Function URLs. The handler sees the request that net/http's own server
// would have shown it, and its client the same response. WebSockets, authorizers
// and events that are not HTTP are left out: see [WithFallback].
//
// The package does not invent what a source does not send:
//
//   - HTTP APIs decode the path, so that an encoded slash in it is a slash.
//   - REST APIs, HTTP APIs with payload 1.0 and load balancers take the query
//     apart, so that key and key= are the same and the order of different keys
//     is that of the event.
//   - HTTP APIs with payload 2.0 and Function URLs join the values of a repeated
//     header with commas, and they are left joined.
//   - Load balancers without multi-value headers have the last value of a header
//     or a parameter only.
//   - Version 1 of VPC Lattice's event structure joins the values of a repeated
//     header with commas too.
//   - No source tells the version of HTTP; it is always 1.1.
//
// A response has neither trailers nor informational statuses.
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

// Handler serves events with an http.Handler. It is a runtimeapi.Handler, and a
// lambda.Handler of aws-lambda-go. Several goroutines may use it at once, as they
// do with AWS_LAMBDA_MAX_CONCURRENCY.
type Handler struct {
	next           http.Handler
	basePath       string
	deadlineMargin time.Duration
	maxBody        int
	log            *slog.Logger
	writeError     func(http.ResponseWriter, *Error)
	fallback       Invoker // nil: none
	failOn5xx      bool
	tls            *tls.ConnectionState
	started        atomic.Bool // a request has been served
}

// NewHandler returns a Handler that serves events with next. For buffered
// responses, give it to runtimeapi.Serve or to aws-lambda-go's lambda.Start. For
// streamed ones, give them its method [Handler.Stream], to runtimeapi.Serve as a
// runtimeapi.StreamFunc.
//
// A handler should return when the request's context ends. Half of the deadline
// margin later (see [WithDeadlineMargin]) the client is answered in its place,
// with 504, and what it writes from then on fails with [http.ErrHandlerTimeout].
// For this, each invocation that has a deadline, as Lambda's have, is served on
// a goroutine of its own. The client of a handler that panics gets 500, also if
// it panics with [http.ErrAbortHandler], since a buffered response cannot break
// off.
//
// As under net/http's server, what a handler writes in answer to HEAD is
// dropped. When it flushes, the response to HEAD is complete: the request's
// context ends, and further writes fail with [http.ErrBodyNotAllowed].
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

// Invoke serves one event and returns the response in the form that the event's
// source understands. Nothing of payload is used after it has returned. It
// returns an error only if the event is not HTTP, an [UnsupportedEventError] or
// a [MalformedEventError], or that of [WithFallback]'s handler; all other
// failures become HTTP responses, unless [WithFunctionErrors] says otherwise.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv, err := h.newInvocation(ctx, payload)
	if err != nil {
		return h.fallBack(ctx, payload, err)
	}
	return h.respond(inv)
}

// invocation is an event on its way through the Handler.
type invocation struct {
	format  responseFormat
	method  string
	request *http.Request
	cancel  context.CancelFunc
	cutoff  time.Time // when to answer in the handler's place; zero for never
	failure *Error    // what to answer instead of calling the handler
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

// bufferedError returns the response that tells of a failure.
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

// serve calls the handler and waits until it has returned, but not beyond the
// cutoff. If it has not returned by then, w must not be used any more.
func (h *Handler) serve(inv *invocation, w *responseWriter) (failure *Error, returned bool) {
	if inv.cutoff.IsZero() {
		return h.recoverPanic(func() { h.next.ServeHTTP(w, inv.request) }), true
	}
	done := make(chan *Error, 1)
	go func() {
		growStack(false)
		failure := internalError() // should the handler end the goroutine
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

// recoverPanic calls f and recovers what it panics with. As in net/http's
// server, http.ErrAbortHandler is not worth a log line.
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
