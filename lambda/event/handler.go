// Package event serves Lambda's HTTP events with an http.Handler: those of API
// Gateway REST APIs and HTTP APIs, of Application Load Balancers and of Function
// URLs. The handler sees the request that net/http's own server would have
// shown it, and its client the same response. WebSockets, authorizers and
// events that are not HTTP are left out.
//
// No guess is made at what a front door does not tell:
//
//   - HTTP APIs decode the path, so that an encoded slash in it is a slash.
//   - REST APIs, HTTP APIs with payload 1.0 and load balancers take the query
//     apart, so that key and key= are the same and the order of different keys
//     is that of the event.
//   - HTTP APIs with payload 2.0 and Function URLs join the values of a repeated
//     header with commas, and they are left joined.
//   - Load balancers without multi-value headers have the last value of a header
//     or a parameter only.
//   - No source tells the version of HTTP; it is always 1.1.
//
// Nor can an answer have trailers or informational statuses.
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
	"time"
)

// Handler serves events with an http.Handler. It is a lambda.Handler of
// aws-lambda-go. It may be used by several goroutines at once, as it is with
// AWS_LAMBDA_MAX_CONCURRENCY.
type Handler struct {
	next           http.Handler
	basePath       string
	deadlineMargin time.Duration
	log            *slog.Logger
	writeError     func(http.ResponseWriter, *Error)
	tls            *tls.ConnectionState
}

// NewHandler returns a Handler that serves events with next. Give it to
// lambda.Start for buffered responses, and its method [Handler.Stream] for
// streamed ones.
func NewHandler(next http.Handler, options ...Option) *Handler {
	h := &Handler{
		next:           next,
		deadlineMargin: 500 * time.Millisecond,
		log:            slog.Default(),
		writeError:     writeError,
		tls:            &tls.ConnectionState{HandshakeComplete: true},
	}
	for _, option := range options {
		option(h)
	}
	return h
}

// Invoke serves one event and returns the answer in the form that the event's
// source understands. Nothing of payload is used after it has returned. An
// error means that there is nobody to answer to: the event is not HTTP. What
// goes wrong with a request is answered.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv, err := h.newInvocation(ctx, payload)
	if err != nil {
		return nil, err
	}
	return h.buffered(inv), nil
}

// invocation is an event on its way through the Handler.
type invocation struct {
	form    form
	method  string
	request *http.Request
	cancel  context.CancelFunc
	failure *Error // what to answer instead of calling the handler
}

func (h *Handler) newInvocation(ctx context.Context, payload []byte) (*invocation, error) {
	text := string(payload)
	e, err := parseEnvelope(text)
	if err != nil {
		return nil, fmt.Errorf("event: decoding: %w", err)
	}
	src, err := recognise(&e)
	if errors.Is(err, errNotHTTP) {
		err = unrecognised(text)
	}
	if err != nil {
		return nil, err
	}
	inv := &invocation{form: src.answer(), method: cmp.Or(e.context.method, e.httpMethod), cancel: func() {}}
	r, cancel, err := h.newRequest(ctx, src, &e)
	switch {
	case err == nil:
		inv.request, inv.cancel = r, cancel
	case !errors.As(err, &inv.failure):
		return nil, fmt.Errorf("event: decoding an event of kind %s: %w", src.name(), err)
	}
	return inv, nil
}

// buffered serves an invocation and returns the whole answer.
func (h *Handler) buffered(inv *invocation) []byte {
	defer inv.cancel()
	failure := inv.failure
	if failure == nil {
		if c, ok := inv.request.Context().Value(infoKey{}).(*carried); ok {
			c.limit = inv.form.limit
		}
		b := newBufferedBody()
		w := newResponseWriter(inv.form, inv.method, h.log, b)
		failure = h.run(w, inv.request)
		if failure == nil {
			failure = w.finish()
		}
		if failure == nil {
			out, err := encode(w, b)
			if err == nil {
				return out
			}
			failure = err
		}
	}
	return h.bufferedError(inv, failure)
}

// bufferedError returns the answer that tells of a failure.
func (h *Handler) bufferedError(inv *invocation, failure *Error) []byte {
	if out, ok := h.tryBufferedError(inv, failure, h.writeError); ok {
		return out
	}
	out, _ := h.tryBufferedError(inv, failure, writeError)
	return out
}

func (h *Handler) tryBufferedError(inv *invocation, failure *Error, write func(http.ResponseWriter, *Error)) ([]byte, bool) {
	b := newBufferedBody()
	w := newResponseWriter(inv.form, inv.method, h.log, b)
	if h.guard(func() { write(w, failure) }) != nil || w.finish() != nil {
		return nil, false
	}
	out, broken := encode(w, b)
	return out, broken == nil
}

// encode returns the whole answer.
func encode(w *responseWriter, b bufferedBody) ([]byte, *Error) {
	out := append(w.head.close(), ',')
	out, err := b.appendTo(out, w.encoded)
	if err != nil {
		return nil, internalError()
	}
	out = append(out, '}')
	if len(out) > w.form.limit {
		return nil, tooLarge(w.form)
	}
	return out, nil
}

// run calls the handler.
func (h *Handler) run(w http.ResponseWriter, r *http.Request) *Error {
	return h.guard(func() { h.next.ServeHTTP(w, r) })
}

// guard calls f and recovers what it panics with. As in net/http's server,
// http.ErrAbortHandler is not worth a log line.
func (h *Handler) guard(f func()) (failure *Error) {
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
