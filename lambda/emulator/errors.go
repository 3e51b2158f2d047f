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
	// ErrClosed says that the function was closed or its context has ended.
	ErrClosed = errors.New("emulator: function is closed")
	// ErrRequestTooLarge says that the event has more than [MaxRequestBytes].
	// Lambda answers such an Invoke call with 413 and never runs the function.
	ErrRequestTooLarge = errors.New("emulator: request is larger than 6291456 bytes")
	// ErrResponseTooLarge says that the answer was over [MaxResponseBytes], or
	// over [MaxStreamBytes] when streamed.
	ErrResponseTooLarge = errors.New("emulator: response is too large")
	// ErrTimeout says that init or the invocation went past its deadline.
	ErrTimeout = errors.New("emulator: timed out")
	// ErrExited says that the process ended before it had answered.
	ErrExited = errors.New("emulator: process exited")
	// ErrInit says that the process failed before init was done, so that no
	// event was given to it. It comes with ErrTimeout, ErrExited, or the
	// function's own report.
	ErrInit = errors.New("emulator: init failed")
)

// A FunctionError is a failure of the function, as Lambda reports it with the
// header X-Amz-Function-Error: one that the function returned itself, or one
// that Lambda made for it.
type FunctionError struct {
	// RequestID names the invocation; it is empty for a failed init.
	RequestID string
	// Type is the errorType, such as "Runtime.ExitError" or the Go type name
	// of an error that the handler returned.
	Type string
	// Message is the errorMessage.
	Message string
	// Payload is the whole error document, JSON for every Go function. For a
	// stream that failed it is what the error trailer said.
	Payload []byte

	causes []error
}

// Error has the type and the message.
func (e *FunctionError) Error() string {
	return "emulator: function failed: " + e.Type + ": " + e.Message
}

// Unwrap gives the sentinels that apply, such as [ErrTimeout].
func (e *FunctionError) Unwrap() []error { return e.causes }

// document is the form in which functions and Lambda report errors.
type document struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// reported makes an error out of the document that a function posted.
func reported(requestID string, payload []byte, causes ...error) *FunctionError {
	var doc document
	if json.Unmarshal(payload, &doc) != nil {
		doc = document{Type: "Runtime.Unknown", Message: string(payload)}
	}
	return &FunctionError{RequestID: requestID, Type: doc.Type, Message: doc.Message, Payload: payload, causes: causes}
}

// failure makes an error that Lambda reports in the function's place.
func failure(requestID, errorType, message string, causes ...error) *FunctionError {
	payload, err := json.Marshal(document{Type: errorType, Message: message})
	if err != nil { // two strings always encode
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

// exitError tells how the process ended.
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
