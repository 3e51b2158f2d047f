package runtimeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/errortype"
)

// failure is an error of an invocation in the format of aws-lambda-go.
type failure struct {
	messages.InvokeResponse_Error
	panicked bool
}

// newFailure returns the failure for an error that a handler returned. Its type is
// the name of err's Go type, unless err is a messages.InvokeResponse_Error.
func newFailure(err error) *failure {
	if own, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // a wrapping error has its own message
		return ownFailure(own)
	}
	return &failure{InvokeResponse_Error: messages.InvokeResponse_Error{Message: err.Error(), Type: errortype.Of(err)}}
}

// newPanic returns the failure for a panic with v, including the stack. Only the
// function that recovers the panic may call it.
func newPanic(v any) *failure {
	if own, ok := v.(messages.InvokeResponse_Error); ok {
		f := ownFailure(own)
		f.panicked = true
		return f
	}
	return &failure{
		InvokeResponse_Error: messages.InvokeResponse_Error{
			Message: fmt.Sprint(v), Type: errortype.Of(v), StackTrace: stack(),
		},
		panicked: true,
	}
}

// ownFailure reports what a handler has described itself, without the frames
// that are nil.
func ownFailure(own messages.InvokeResponse_Error) *failure {
	own.StackTrace = slices.DeleteFunc(slices.Clone(own.StackTrace), func(f *messages.InvokeResponse_Error_StackFrame) bool { return f == nil })
	return &failure{InvokeResponse_Error: own}
}

// stack returns the stack of the panic being recovered.
func stack() []*messages.InvokeResponse_Error_StackFrame {
	const depth, most = 64, 32
	pcs := make([]uintptr, depth)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var all []*messages.InvokeResponse_Error_StackFrame
	for panicking := false; len(all) < most; {
		f, more := frames.Next()
		if inRuntime := strings.HasPrefix(f.Function, "runtime."); panicking && !inRuntime || len(all) > 0 {
			all = append(all, frame(f))
		} else if f.Function == "runtime.gopanic" {
			panicking = true
		}
		if !more {
			break
		}
	}
	return all
}

// frame returns a stack frame with the file's path below its module or GOPATH, and
// the function's name within its package.
func frame(f runtime.Frame) *messages.InvokeResponse_Error_StackFrame {
	path := f.File
	for at, n := len(path), strings.Count(f.Function, "/")+2; n > 0; n-- {
		if at = strings.LastIndexByte(path[:at], '/'); at < 0 {
			break
		}
		if n == 1 {
			path = path[at+1:]
		}
	}
	label := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
	_, label, _ = strings.Cut(label, ".")
	return &messages.InvokeResponse_Error_StackFrame{Path: path, Line: int32(f.Line), Label: label}
}

// protect calls f and returns its error or panic as a failure.
func (w *worker) protect(f func() error) (failed *failure) {
	defer func() {
		if v := recover(); v != nil {
			failed = newPanic(v)
		}
	}()
	if err := f(); err != nil {
		return newFailure(err)
	}
	return nil
}

// document returns the failure in JSON, cut to the size that the API takes.
func (f *failure) document() []byte {
	const most = 1 << 20
	if len(f.Message) > most {
		f.Message = strings.ToValidUTF8(f.Message[:most], "")
	}
	out, err := json.Marshal(f.InvokeResponse_Error)
	if err != nil { // strings and numbers always encode
		return []byte(`{"errorMessage":"the error cannot be encoded","errorType":"Runtime.SerializationError"}`)
	}
	return out
}

// maxCauseBytes limits the header for X-Ray, as in aws-lambda-go.
const maxCauseBytes = 1 << 20

// cause returns the failure in X-Ray's format, or "" if it is too large.
func (f *failure) cause() string {
	type exception struct {
		Type    string                                      `json:"type"`
		Message string                                      `json:"message"`
		Stack   []*messages.InvokeResponse_Error_StackFrame `json:"stack"`
	}
	paths, seen := []string{}, map[string]bool{}
	for _, frame := range f.StackTrace {
		if !seen[frame.Path] {
			seen[frame.Path] = true
			paths = append(paths, frame.Path)
		}
	}
	stack := f.StackTrace
	if stack == nil {
		stack = []*messages.InvokeResponse_Error_StackFrame{}
	}
	directory, err := os.Getwd()
	if err != nil {
		directory = "" // the directory is gone; X-Ray does not need it
	}
	out, err := json.Marshal(struct {
		WorkingDirectory string      `json:"working_directory"`
		Exceptions       []exception `json:"exceptions"`
		Paths            []string    `json:"paths"`
	}{directory, []exception{{f.Type, f.Message, stack}}, paths})
	if err != nil || len(out) >= maxCauseBytes {
		return ""
	}
	return strings.ReplaceAll(string(out), "\x7f", `\u007f`) // not allowed in a header
}

// headerType returns the failure's type as a header value.
func (f *failure) headerType() string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, f.Type)
}

// errTooLong returns the failure for a response that is too large for Lambda.
func errTooLong(limit int) *failure {
	return &failure{InvokeResponse_Error: messages.InvokeResponse_Error{
		Type:    "Function.ResponseSizeTooLarge",
		Message: fmt.Sprintf("the response is larger than Lambda allows: %d bytes", limit),
	}}
}

var errHandlerPanicked = errors.New("runtimeapi: a handler panicked with ExitOnPanic set, or its error has ShouldExit")
