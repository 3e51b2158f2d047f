package event

import (
	"fmt"
	"net/http"
	"strconv"
)

// An UnsupportedEventError is the error for an event that is not a request of
// any [Source]. Its message names the keys of the event, none of its values,
// and what is supported. Lambda reports the name of the type as the errorType.
type UnsupportedEventError struct{ reason string }

func (e *UnsupportedEventError) Error() string { return "event: " + e.reason }

// A MalformedEventError is the error for a payload that is not JSON, and for an
// event that has a value of the wrong type where a source has a fixed one. Its
// message has none of the event's values.
type MalformedEventError struct{ reason string }

func (e *MalformedEventError) Error() string { return "event: decoding: " + e.reason }

// A StreamError says why a streamed response breaks off. Reading the response
// of [Handler.Stream] returns it, and the Runtime API's client puts the name of
// the type and the message into the trailers that end the response.
type StreamError struct{ reason string }

func (e *StreamError) Error() string { return "event: " + e.reason }

// Error is an answer that this package gives in the handler's place.
type Error struct {
	Status  int    // the HTTP status
	Code    int    // the same as a code of gRPC (google.rpc.Code)
	Message string // for the client: it tells nothing about the inside
}

func (e *Error) Error() string { return "event: " + e.Message }

// The codes of google.rpc.Code that occur here.
const (
	codeInvalidArgument   = 3
	codeDeadlineExceeded  = 4
	codeResourceExhausted = 8
	codeInternal          = 13
)

// badRequest is the answer to a request that net/http's server would refuse.
func badRequest(message string) *Error {
	return &Error{http.StatusBadRequest, codeInvalidArgument, message}
}

// bodyTooLarge is the answer to a request whose body is over the limit.
func bodyTooLarge(limit int) *Error {
	return &Error{http.StatusRequestEntityTooLarge, codeResourceExhausted,
		fmt.Sprintf("the body is larger than %d bytes", limit)}
}

// headTooLarge is the answer to a request whose path, query and header are
// over the limit that net/http's server has for them.
func headTooLarge() *Error {
	return &Error{http.StatusRequestHeaderFieldsTooLarge, codeResourceExhausted,
		fmt.Sprintf("the path, query and header are larger than %d bytes", maxHeadBytes)}
}

// internalError is the answer when the handler failed.
func internalError() *Error {
	return &Error{http.StatusInternalServerError, codeInternal, "internal error"}
}

// deadlineExceeded is the answer when the handler has not returned in time.
func deadlineExceeded() *Error {
	return &Error{http.StatusGatewayTimeout, codeDeadlineExceeded, "the deadline has passed"}
}

// responseTooLarge is the answer in place of one that is over the limit. It is
// a 500: the client did nothing wrong, and would get the same again, so that
// neither a 413 nor the 429 that is the usual status for its code would be true.
func responseTooLarge(f responseFormat) *Error {
	return &Error{http.StatusInternalServerError, codeResourceExhausted,
		fmt.Sprintf("the response is larger than %s allows: %d bytes when encoded", f.limitOf, f.limit)}
}

// writeError writes e the way grpc-gateway does: as google.rpc.Status in JSON.
func writeError(w http.ResponseWriter, e *Error) {
	body := append([]byte(`{"code":`), strconv.Itoa(e.Code)...)
	body = append(body, `,"message":`...)
	body = appendQuoted(body, e.Message, false)
	body = append(body, `,"details":[]}`...)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}
