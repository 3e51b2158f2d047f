package runtimeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// failure is an error in the form in which functions report theirs, which is
// aws-lambda-go's.
type failure struct {
	messages.InvokeResponse_Error
	panicked bool
}

// newFailure reports an error that a handler returned. Its type is the name of
// err's Go type, unless err is a messages.InvokeResponse_Error.
func newFailure(err error) *failure {
	if own, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // a wrapped one has a message of its own
		return ownFailure(own)
	}
	return &failure{InvokeResponse_Error: messages.InvokeResponse_Error{Message: err.Error(), Type: typeName(err)}}
}

// newPanic reports what a handler panicked with, and where. The function that
// recovered it calls newPanic.
func newPanic(v any) *failure {
	if own, ok := v.(messages.InvokeResponse_Error); ok {
		f := ownFailure(own)
		f.panicked = true
		return f
	}
	return &failure{
		InvokeResponse_Error: messages.InvokeResponse_Error{
			Message: fmt.Sprint(v), Type: typeName(v), StackTrace: stack(),
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

func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// stack is the stack below the panic that is being recovered.
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

// frame has the path of the file below its module or GOPATH, and the function's
// name within its package.
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

// protect calls f and returns its error, or the panic that it ended with, as a
// failure.
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

// document is the failure in JSON, cut so that the API takes it.
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

// maxCauseBytes bounds the header for X-Ray, as aws-lambda-go does.
const maxCauseBytes = 1 << 20

// cause is the failure as X-Ray takes it; empty if it is too large.
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
		directory = "" // removed, and of no account
	}
	out, err := json.Marshal(struct {
		WorkingDirectory string      `json:"working_directory"`
		Exceptions       []exception `json:"exceptions"`
		Paths            []string    `json:"paths"`
	}{directory, []exception{{f.Type, f.Message, stack}}, paths})
	if err != nil || len(out) >= maxCauseBytes {
		return ""
	}
	return strings.ReplaceAll(string(out), "\x7f", `\u007f`) // a header may not have it
}

// headerType is the failure's type as a header value.
func (f *failure) headerType() string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, f.Type)
}

// errTooLong fails an invocation whose answer Lambda does not take.
func errTooLong(limit int) *failure {
	return &failure{InvokeResponse_Error: messages.InvokeResponse_Error{
		Type:    "Function.ResponseSizeTooLarge",
		Message: fmt.Sprintf("the response is larger than Lambda allows: %d bytes", limit),
	}}
}

var errHandlerPanicked = errors.New("runtimeapi: a handler panicked, and ExitOnPanic is set")
