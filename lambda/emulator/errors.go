package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Reasons for which an invocation or a start fails, for errors.Is.
var (
	// ErrClosed means that the function was closed or that its context ended.
	ErrClosed = errors.New("emulator: function is closed")
	// ErrRequestTooLarge means that the event exceeds [MaxRequestBytes].
	// Lambda refuses such an Invoke call with 413 and does not run the function.
	ErrRequestTooLarge = errors.New("emulator: request is larger than 6291456 bytes")
	// ErrResponseTooLarge means that the response exceeded [MaxResponseBytes],
	// or [MaxStreamBytes] if it was streamed.
	ErrResponseTooLarge = errors.New("emulator: response is too large")
	// ErrTimeout means that init or the invocation exceeded its deadline.
	ErrTimeout = errors.New("emulator: timed out")
	// ErrExited means that the process ended before it responded, or that no
	// process is running.
	ErrExited = errors.New("emulator: process exited")
	// ErrInit means that init failed, so that no event reached the process.
	// The same error also matches ErrTimeout or ErrExited, or carries the
	// function's own report.
	ErrInit = errors.New("emulator: init failed")
)

// A FunctionError is a failure of the function, which Lambda reports with the
// header X-Amz-Function-Error. The function returned it, or Lambda made it in the
// function's place.
type FunctionError struct {
	// RequestID identifies the invocation. It is empty if init failed.
	RequestID string
	// Type is the errorType, such as "Runtime.ExitError" or the Go type name
	// of an error that the handler returned.
	Type string
	// Message is the errorMessage.
	Message string
	// Payload is the whole error document, which is JSON for every Go function.
	// For a stream that failed, it is the content of the error trailer.
	Payload []byte

	causes []error
}

// Error returns the type and the message.
func (e *FunctionError) Error() string {
	return "emulator: function failed: " + e.Type + ": " + e.Message
}

// Unwrap returns the sentinels that apply, such as [ErrTimeout], and the
// handler's own error if [InProcess] called it.
func (e *FunctionError) Unwrap() []error { return e.causes }

// document is the format in which functions and Lambda report errors.
type document struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// reported returns the error of a document that a function posted.
func reported(requestID string, payload []byte, causes ...error) *FunctionError {
	var doc document
	if json.Unmarshal(payload, &doc) != nil {
		doc = document{Type: "Runtime.Unknown", Message: string(payload)}
	}
	return &FunctionError{RequestID: requestID, Type: doc.Type, Message: doc.Message, Payload: payload, causes: causes}
}

// failure returns an error that Lambda reports in the function's place.
func failure(requestID, errorType, message string, causes ...error) *FunctionError {
	payload, err := json.Marshal(document{Type: errorType, Message: message})
	if err != nil { // never: a document has only strings
		payload = nil
	}
	return &FunctionError{RequestID: requestID, Type: errorType, Message: message, Payload: payload, causes: causes}
}

func timeoutError(requestID string, after time.Duration) *FunctionError {
	return failure(requestID, "Sandbox.Timedout",
		fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, after.Seconds()), ErrTimeout)
}

func tooLargeError(requestID string, limit int64) *FunctionError {
	return failure(requestID, "Function.ResponseSizeTooLarge",
		"Response payload size exceeded maximum allowed payload size ("+strconv.FormatInt(limit, 10)+" bytes).",
		ErrResponseTooLarge)
}

// exitError returns an error that says how the process ended.
func exitError(requestID string, state *os.ProcessState, causes ...error) *FunctionError {
	message := "Runtime exited without providing a reason"
	if reason := exitReason(state); reason != "" {
		message = "Runtime exited with error: " + reason
	}
	if requestID != "" {
		message = "RequestId: " + requestID + " Error: " + message
	}
	return failure(requestID, "Runtime.ExitError", message, append(causes, ErrExited)...)
}

func exitReason(state *os.ProcessState) string {
	if state == nil {
		return ""
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	if state.ExitCode() == 0 {
		return ""
	}
	return "exit status " + strconv.Itoa(state.ExitCode())
}
