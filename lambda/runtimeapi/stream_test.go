package runtimeapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// Lambda's limits for responses, in bytes.
const (
	maxResponseBytes = 6_291_556
	maxStreamBytes   = 200 << 20
)

type jsonRaw = json.RawMessage

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// reader hides all methods of a Reader except Read. It has no exported fields,
// since aws-lambda-go would encode them in JSON.
type reader struct {
	r      io.Reader
	closed bool
}

func (r *reader) Read(p []byte) (int, error) { return r.r.Read(p) }
func (r *reader) Close() error               { r.closed = true; return nil }
func (r *reader) ContentType() string        { return "text/x-test" }

// readFunc is a function as a Reader.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// then returns a reader of text that ends with a call of f.
func then(text string, f func() (int, error)) io.Reader {
	return io.MultiReader(strings.NewReader(text), readFunc(func([]byte) (int, error) { return f() }))
}

// streamOf returns a stream that ends as the payload says.
func streamOf(_ context.Context, payload json.RawMessage) (io.Reader, error) {
	switch text := strings.Trim(string(payload), `"`); text {
	case "error":
		return nil, errors.New("no stream")
	case "panic":
		panic("no stream")
	case "nil":
		return nil, nil
	case "fails at once":
		return readFunc(func([]byte) (int, error) { return 0, &typedError{} }), nil
	case "fails":
		return then("half", func() (int, error) { return 0, &typedError{} }), nil
	case "fails with a long message":
		return then("half", func() (int, error) { return 0, errors.New(strings.Repeat("x", 1<<20)) }), nil
	case "panics":
		return then("half", func() (int, error) { panic("on purpose") }), nil
	case "ends its goroutine":
		return then("half", func() (int, error) { runtime.Goexit(); return 0, nil }), nil
	case "no progress":
		return readFunc(func([]byte) (int, error) { return 0, nil }), nil
	case "reads too much":
		return readFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), nil
	case "content type splits":
		return splittingType{strings.NewReader("")}, nil
	case "content type panics":
		return struct{ *panickingType }{}, nil
	default:
		return &reader{r: strings.NewReader(text)}, nil
	}
}

type splittingType struct{ io.Reader }

func (splittingType) ContentType() string {
	return "text/plain\r\nLambda-Runtime-Function-Error-Type: forged"
}

type panickingType struct{ io.Reader }

func (p *panickingType) ContentType() string { return p.Reader.(*reader).ContentType() }

func TestStream(t *testing.T) {
	a := newAPI(t)
	var last *reader
	s := serve(t, a, runtimeapi.StreamFunc(func(ctx context.Context, p json.RawMessage) (io.Reader, error) {
		r, err := streamOf(ctx, p)
		last, _ = r.(*reader)
		return r, err
	}))
	var conn string
	for _, text := range []string{"", "some", strings.Repeat("large ", 1<<20)} {
		next := a.call("/next")
		if next.conn == conn {
			t.Error("the connection of a streamed response is used again")
		}
		a.invoke(given{payload: text})
		c := a.call("/response")
		conn = c.conn
		got := []string{c.Header.Get("Content-Type"), c.Header.Get("Lambda-Runtime-Function-Response-Mode")}
		if diff := cmp.Diff([]string{"text/x-test", "streaming"}, got); diff != "" || c.Body != text || c.Length != -1 || next.conn != conn {
			t.Errorf("%d bytes came back as %d, length %d\n%s", len(text), len(c.Body), c.Length, diff)
		}
		if len(c.Trailer.Get("Lambda-Runtime-Function-Error-Type")) > 0 {
			t.Errorf("trailers %v", c.Trailer)
		}
	}
	a.call("/next")
	if !last.closed {
		t.Error("the reader is not closed")
	}
	s.end()
}

func TestStream_Failures(t *testing.T) {
	a := newAPI(t)
	s := serve(t, a, runtimeapi.StreamFunc(streamOf))
	for payload, want := range map[string]struct{ path, errorType, message string }{
		"error":                     {"/error", "errorString", "no stream"},
		"panic":                     {"/error", "string", "no stream"},
		"nil":                       {"/error", "errorString", "neither a reader nor an error"},
		"content type panics":       {"/error", "errorString", "nil pointer"},
		"content type splits":       {"/error", "errorString", "control characters"},
		"reads too much":            {"/error", "errorString", "cannot have read"},
		"no progress":               {"/error", "errorString", io.ErrNoProgress.Error()},
		"fails at once":             {"/error", "typedError", "typed"},
		"fails":                     {"/response", "typedError", "typed"},
		"fails with a long message": {"/response", "errorString", "xxx"},
		"panics":                    {"/response", "string", "on purpose"},
	} {
		t.Run(payload, func(t *testing.T) {
			a.call("/next")
			a.invoke(given{payload: payload})
			c := a.call(want.path)
			document := []byte(c.Body)
			if want.path == "/response" {
				if c.Body != "half" || c.Trailer.Get("Lambda-Runtime-Function-Error-Type") != want.errorType {
					t.Errorf("got %q, %v", c.Body, c.Trailer)
				}
				document, _ = base64.StdEncoding.DecodeString(c.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
			}
			var got struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal(document, &got); err != nil || !strings.Contains(got.ErrorMessage, want.message) ||
				(got.ErrorType != want.errorType && payload != "content type panics") {
				t.Errorf("document %s, %v", document, err)
			}
		})
	}
	t.Run("ends its goroutine", func(t *testing.T) {
		a.call("/next")
		a.invoke(given{payload: "ends its goroutine"})
		s.log.Wait(t, "runtime.Goexit")
	})
	a.call("/next")
	a.invoke(given{payload: "well"})
	if c := a.call("/response"); c.Body != "well" {
		t.Errorf("the stream after them is %q", c.Body)
	}
	s.end()
}

func TestStreamFunc_ReaderOfKnownLengthIsBuffered(t *testing.T) {
	a := newAPI(t)
	s := serve(t, a, runtimeapi.StreamFunc(func(_ context.Context, p json.RawMessage) (io.Reader, error) {
		if string(p) == "short" {
			return strings.NewReader("all of it"), nil
		}
		return strings.NewReader(strings.Repeat("x", maxResponseBytes+1)), nil
	}))
	for payload, length := range map[string]int64{"short": 9, "long": -1} {
		a.call("/next")
		a.invoke(given{payload: payload})
		c := a.call("/response")
		if c.Length != length || (c.Header.Get("Lambda-Runtime-Function-Response-Mode") != "") != (length < 0) {
			t.Errorf("%s: length %d, %v", payload, c.Length, c.Header)
		}
	}
	s.end()
}

func TestStream_OverTheLimitIsAborted(t *testing.T) {
	a := newAPI(t)
	read := 0
	s := serve(t, a, runtimeapi.StreamFunc(func(_ context.Context, p json.RawMessage) (io.Reader, error) {
		if string(p) == "well" {
			return &reader{r: strings.NewReader("well")}, nil
		}
		return readFunc(func(p []byte) (int, error) { read += len(p); return len(p), nil }), nil
	}))
	a.call("/next")
	a.invoke(given{payload: "endless"})
	c := a.call("/response")
	if c.size != maxStreamBytes || c.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "Function.ResponseSizeTooLarge" {
		t.Errorf("%d bytes, trailers %v", c.size, c.Trailer)
	}
	if read > maxStreamBytes+1<<20 {
		t.Errorf("%d bytes were read", read)
	}
	a.call("/next")
	a.invoke(given{payload: "well"})
	if c := a.call("/response"); c.Body != "well" {
		t.Errorf("the stream after it is %q", c.Body)
	}
	s.end()
}

func logger(l *testlog.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
