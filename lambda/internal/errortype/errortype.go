// Package errortype names errors as aws-lambda-go does.
package errortype

import "reflect"

// Of returns the errorType of an error that a handler returned, or of the value of
// its panic: the name of the Go type, without a package.
func Of(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
