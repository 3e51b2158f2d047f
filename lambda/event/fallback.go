package event

import (
	"context"
	"errors"
	"fmt"
)

// An Invoker takes a whole event and returns the whole response, as
// aws-lambda-go's lambda.Handler does.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// ErrUnrecognized is returned by the handler of [WithFallback], bare or wrapped,
// if it does not know the event either. The invocation then fails with the
// [UnsupportedEventError] that it would have without a fallback. If the error
// wraps ErrUnrecognized, its message is appended.
var ErrUnrecognized = errors.New("event: unrecognized by the fallback")

// WithFallback passes events that are JSON but not a request of any [Source] to
// next, for example those of Step Functions, agents and queues. The response and
// the error of next become the invocation's. The [Info] in its context has no
// Source.
//
// next runs on the invocation's goroutine, with the invocation's own deadline.
// It must be safe for concurrent use.
func WithFallback(next Invoker) Option { return func(h *Handler) { h.fallback = next } }

// WithFunctionErrors turns a response with a status of 500 or above into a
// [ServerError], so the invocation fails. It is for functions whose HTTP events
// come from asynchronous invocations: nobody sees the response there, but a
// failed invocation is retried and then sent to a dead-letter queue. A client
// that waits for the response gets the source's own error instead. Streamed
// responses of [Handler.Stream] are not affected.
func WithFunctionErrors() Option { return func(h *Handler) { h.failOn5xx = true } }

// A ServerError replaces a response with a status of 500 or above. See
// [WithFunctionErrors].
type ServerError struct{ Status int }

func (e *ServerError) Error() string {
	return fmt.Sprintf("event: the response has the status %d", e.Status)
}

// fallBack serves an event for which newInvocation returned err.
func (h *Handler) fallBack(ctx context.Context, payload []byte, err error) ([]byte, error) {
	var unsupported *UnsupportedEventError
	if h.fallback == nil || !errors.As(err, &unsupported) {
		return nil, err
	}
	var info Info
	info.addInvocation(ctx)
	out, fallbackErr := h.fallback.Invoke(NewContext(ctx, info), payload)
	switch {
	case fallbackErr == ErrUnrecognized: //nolint:errorlint // a bare ErrUnrecognized adds no message
		return nil, err
	case errors.Is(fallbackErr, ErrUnrecognized):
		return nil, &UnsupportedEventError{unsupported.reason + "; " + fallbackErr.Error()}
	}
	return out, fallbackErr
}
