package event

import (
	"fmt"
	"net/http"
	"strconv"
)

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
	codeResourceExhausted = 8
	codeInternal          = 13
)

// badRequest is the answer to a request that net/http's server would refuse.
func badRequest(message string) *Error {
	return &Error{http.StatusBadRequest, codeInvalidArgument, message}
}

// internalError is the answer when the handler failed.
func internalError() *Error {
	return &Error{http.StatusInternalServerError, codeInternal, "internal error"}
}

// tooLarge is the answer in place of one that is over the limit. It is a 500:
// the client did nothing wrong, and would get the same again, so that neither
// a 413 nor the 429 that is the usual status for its code would be true.
func tooLarge(f form) *Error {
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
