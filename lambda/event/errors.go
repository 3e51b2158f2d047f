package event

import (
	"fmt"
	"net/http"
	"strconv"
)

// An UnsupportedEventError reports an event that is not a request of any
// [Source]. Its message names the event's keys and the supported sources, but no
// values of the event. Lambda reports the type's name as the errorType.
type UnsupportedEventError struct{ reason string }

func (e *UnsupportedEventError) Error() string { return "event: " + e.reason }

// A MalformedEventError reports a payload that is not JSON, or an event with a
// value whose type is not the one that its source sends. Its message contains no
// values of the event.
type MalformedEventError struct{ reason string }

func (e *MalformedEventError) Error() string { return "event: decoding: " + e.reason }

// A StreamError says why a streamed response was aborted. The reader that
// [Handler.Stream] returns gives it to the Runtime API's client, which sends the
// type's name and the message in the trailers of the response.
type StreamError struct{ reason string }

func (e *StreamError) Error() string { return "event: " + e.reason }

// Error is a response that this package sends instead of the handler's.
type Error struct {
	Status  int    // the HTTP status
	Code    int    // the matching google.rpc.Code
	Message string // for the client, without internal details
}

func (e *Error) Error() string { return "event: " + e.Message }

// The values of google.rpc.Code that the package uses.
const (
	codeInvalidArgument   = 3
	codeDeadlineExceeded  = 4
	codeResourceExhausted = 8
	codeInternal          = 13
)

// badRequest is the response to a request that net/http's server would refuse.
func badRequest(message string) *Error {
	return &Error{http.StatusBadRequest, codeInvalidArgument, message}
}

// bodyTooLarge is the response to a request whose body is over the limit.
func bodyTooLarge(limit int) *Error {
	return &Error{http.StatusRequestEntityTooLarge, codeResourceExhausted,
		fmt.Sprintf("the body is larger than %d bytes", limit)}
}

// headTooLarge is the response to a request whose path, query and header are
// over the limit of net/http's server.
func headTooLarge() *Error {
	return &Error{http.StatusRequestHeaderFieldsTooLarge, codeResourceExhausted,
		fmt.Sprintf("the path, query and header are larger than %d bytes", maxHeadBytes)}
}

// internalError is the response if the handler fails.
func internalError() *Error {
	return &Error{http.StatusInternalServerError, codeInternal, "internal error"}
}

// deadlineExceeded is the response if the handler does not return in time.
func deadlineExceeded() *Error {
	return &Error{http.StatusGatewayTimeout, codeDeadlineExceeded, "the deadline has passed"}
}

// responseTooLarge is the response in place of one that is over the limit. Its
// status is 500. The 413 is for large requests, and the 429 that belongs to the
// code invites the client to retry, which would fail in the same way.
func responseTooLarge(f responseFormat) *Error {
	return &Error{http.StatusInternalServerError, codeResourceExhausted,
		fmt.Sprintf("the response is larger than %s allows: %d bytes when encoded", f.limitOf, f.limit)}
}

// writeError writes e as google.rpc.Status in JSON, as grpc-gateway does.
func writeError(w http.ResponseWriter, e *Error) {
	body := append([]byte(`{"code":`), strconv.Itoa(e.Code)...)
	body = append(body, `,"message":`...)
	body = appendQuoted(body, e.Message)
	body = append(body, `,"details":[]}`...)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}
