package event

import (
	"context"
	"errors"
	"fmt"
)

// An Invoker takes a whole event and returns the whole answer, as a
// lambda.Handler of aws-lambda-go does.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// ErrUnrecognized is for the handler of [WithFallback] to return, as it is or as
// what errors.Is finds in its error, when it does not know the event either. The
// error of the invocation is then the [UnsupportedEventError] that it would be
// without a fallback, with the message of the handler's own error at its end.
var ErrUnrecognized = errors.New("event: unrecognized by the fallback")

// WithFallback serves with next the events that are JSON and no request of any
// [Source]: those of Step Functions, agents, queues, or your own. Its answer and
// its error are the invocation's. The context that it gets has an [Info] without
// a Source.
//
// next has the invocation's goroutine and its whole deadline. It must be safe
// for concurrent use.
func WithFallback(next Invoker) Option { return func(h *Handler) { h.fallback = next } }

// WithFunctionErrors makes a response of 500 or above a [ServerError], so that
// the invocation fails. It is for functions whose HTTP events come from
// asynchronous invocations, where nobody sees the response, but a failure is
// tried again and goes to a dead-letter queue. A client that waits gets the
// front door's own error instead of the response. Responses of [Handler.Stream]
// that are streamed stay responses.
func WithFunctionErrors() Option { return func(h *Handler) { h.failOn5xx = true } }

// A ServerError is the error in place of a response of 500 or above. See
// [WithFunctionErrors].
type ServerError struct{ Status int }

func (e *ServerError) Error() string {
	return fmt.Sprintf("event: the response has the status %d", e.Status)
}

// fallBack serves an event that is no HTTP request because of err.
func (h *Handler) fallBack(ctx context.Context, payload []byte, err error) ([]byte, error) {
	var unsupported *UnsupportedEventError
	if h.fallback == nil || !errors.As(err, &unsupported) {
		return nil, err
	}
	var info Info
	info.addInvocation(ctx)
	out, fallbackErr := h.fallback.Invoke(NewContext(ctx, info), payload)
	switch {
	case fallbackErr == ErrUnrecognized: //nolint:errorlint // with nothing to add
		return nil, err
	case errors.Is(fallbackErr, ErrUnrecognized):
		return nil, &UnsupportedEventError{unsupported.reason + "; " + fallbackErr.Error()}
	}
	return out, fallbackErr
}
