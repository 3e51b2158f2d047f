package runtimeapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// said is a call in the form that the differential test compares.
type said struct {
	Method, Path string
	Header       http.Header
	Chunked      bool
	Body         string
	Trailer      http.Header
}

// exchange has a function's calls of the API about one event.
type exchange struct {
	Calls []said
	Then  string // "next" or "exit"
}

// difference is a difference between the calls of aws-lambda-go and of this
// package, with its reason. apply turns the former into the latter and reports
// whether it changed them.
type difference struct {
	reason string
	apply  func(payload string, e *exchange) bool
}

// onCalls applies f to each call.
func onCalls(f func(c *said) bool) func(string, *exchange) bool {
	return func(_ string, e *exchange) (changed bool) {
		for i := range e.Calls {
			changed = f(&e.Calls[i]) || changed
		}
		return changed
	}
}

// onPayloads replaces the whole exchange about some events.
func onPayloads(with exchange, payloads ...string) func(string, *exchange) bool {
	return func(payload string, e *exchange) bool {
		if slices.Contains(payloads, payload) {
			with.Calls = slices.Concat(e.Calls[:1], with.Calls)
			*e = with
			return true
		}
		return false
	}
}

const (
	errorTypeHeader = "Lambda-Runtime-Function-Error-Type"
	errorBodyHeader = "Lambda-Runtime-Function-Error-Body"
	causeHeader     = "Lambda-Runtime-Function-Xray-Error-Cause"
)

// differences returns all known differences.
func differences() []difference {
	failed := func(path, errorType, body, cause string) said {
		return said{Method: "POST", Path: path, Header: http.Header{
			"Content-Type": {"application/json"}, errorTypeHeader: {errorType}, causeHeader: {cause},
			"User-Agent": {"lambda-grpc-gateway"},
		}, Body: body}
	}
	report := func(errorType, message string) said {
		cwd, _ := os.Getwd()
		return failed("/error", errorType, fmt.Sprintf(`{"errorMessage":%q,"errorType":%q}`, message, errorType),
			fmt.Sprintf(`{"working_directory":%q,"exceptions":[{"type":%q,"message":%q,"stack":[]}],"paths":[]}`, cwd, errorType, message))
	}
	half := func(errorType, message string) said {
		return said{
			Method: "POST", Path: "/response", Chunked: true, Body: "half",
			Header:  http.Header{"Content-Type": {"application/octet-stream"}, "User-Agent": {"lambda-grpc-gateway"}},
			Trailer: http.Header{errorTypeHeader: {errorType}, errorBodyHeader: {fmt.Sprintf(`{"errorMessage":%q,"errorType":%q}`, message, errorType)}},
		}
	}
	return []difference{
		{"a header with DEL in it is not valid HTTP: aws-lambda-go exits without a report, and DEL is escaped here",
			func(payload string, e *exchange) bool {
				if payload != "error" || len(e.Calls) > 1 {
					return false
				}
				r := report("errorString", "plain \x7f ü")
				r.Body = `{"errorMessage":"plain ` + "\x7f" + ` ü","errorType":"errorString"}`
				r.Header[causeHeader][0] = strings.NewReplacer(`\x7f`, `\u007f`).Replace(r.Header[causeHeader][0])
				e.Calls, e.Then = append(e.Calls, r), "next"
				return true
			}},
		{"a stream that fails before its first byte is an error of the function, not a broken response",
			func(payload string, e *exchange) bool {
				if payload != "fails at once" {
					return false
				}
				e.Calls[1] = report("typedError", "typed")
				return true
			}},
		{"no reader and no error is a mistake, which aws-lambda-go answers with null",
			onPayloads(exchange{Calls: []said{report("errorString", "the handler returned neither a reader nor an error")}, Then: "next"}, "nil")},
		{"a panic while a stream is read crashes aws-lambda-go; here it fails the stream",
			onPayloads(exchange{Calls: []said{half("string", "on purpose")}, Then: "exit"}, "panics")},
		{"trailers over 4 KB are more than net/http's server takes, so a long message is cut in them",
			onPayloads(exchange{Calls: []said{half("errorString", strings.Repeat("x", 1<<10))}, Then: "next"}, "fails with a long message")},
		{"a handler that calls runtime.Goexit ends aws-lambda-go; here it fails the invocation",
			onPayloads(exchange{Calls: []said{report("errorString", "the handler ended its goroutine with runtime.Goexit")}, Then: "next"}, "goexit")},
		{"a reader that never gives anything hangs aws-lambda-go's POST until the deadline; here it is an error",
			onPayloads(exchange{Calls: []said{report("errorString", "multiple Read calls return no data or error")}, Then: "next"}, "no progress")},
		{"the client names itself", onCalls(func(c *said) bool { c.Header.Set("User-Agent", "lambda-grpc-gateway"); return true })},
		{"http.Transport asks for gzip, which the API never sends", onCalls(func(c *said) bool {
			asked := c.Header.Get("Accept-Encoding") == "gzip"
			c.Header.Del("Accept-Encoding")
			return asked
		})},
		{"a response of known length is posted with its length, and without trailers to announce", onCalls(func(c *said) bool {
			if !c.Chunked || c.Path == "/response" && c.Header.Get("Content-Type") == "text/x-test" || c.Body == "half" {
				return false
			}
			c.Chunked, c.Trailer = false, nil
			return true
		})},
		{"the Runtime API's documentation asks for the mode of a streamed response", onCalls(func(c *said) bool {
			if c.Chunked {
				c.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
			}
			return c.Chunked
		})},
		{"the Runtime API's documentation asks for the type of an error as a header", onCalls(func(c *said) bool {
			var document struct{ ErrorType string }
			if c.Path != "/error" || c.Header.Get(errorTypeHeader) != "" || json.Unmarshal([]byte(c.Body), &document) != nil {
				return false
			}
			c.Header.Set(errorTypeHeader, document.ErrorType)
			return true
		})},
		{"the stack of a panic begins with the function that panicked, not with the runtime client", onCalls(func(c *said) bool {
			from, body := strings.Index(c.Body, `,"stackTrace"`), c.Body
			if from < 0 {
				return false
			}
			c.Body, c.Header = body[:from]+"}", c.Header.Clone()
			c.Header.Del(causeHeader) // it has the same stack
			return true
		})},
	}
}

// TestDifferential runs the same handlers under aws-lambda-go and under this
// package, each event in its own process, and compares all calls of the API.
func TestDifferential(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts 40 processes")
	}
	applied := map[string]bool{}
	for mode, payloads := range map[string][]string{
		"buffered": {"", `{"a":1}`, "error", "typed", "own", "exit", "panic", "panic error", "runtime error", "goexit"},
		"streamed": {"some text", "error", "panic", "nil", "fails at once", "fails", "fails with a long message", "panics", "no progress"},
	} {
		for _, payload := range payloads {
			t.Run(mode+" "+payload, func(t *testing.T) {
				event := payload
				if mode == "streamed" {
					event = `"` + payload + `"` // aws-lambda-go wants JSON
				}
				own := converse(t, "own "+mode, event)
				want := converse(t, "aws "+mode, event)
				for _, d := range differences() {
					if d.apply(payload, &want) {
						applied[d.reason] = true
					}
				}
				// The stack is compared where its beginning is.
				for i := range own.Calls {
					if c := &own.Calls[i]; strings.Contains(c.Body, `,"stackTrace":[{"path":`) {
						if !strings.Contains(c.Header.Get(causeHeader), `"label":"`) {
							t.Errorf("no stack for X-Ray: %v", c.Header)
						}
						before, _, _ := strings.Cut(c.Body, `,"stackTrace"`)
						c.Body = before + "}"
						c.Header.Del(causeHeader)
					}
				}
				if diff := cmp.Diff(want, own); diff != "" {
					t.Errorf("-aws-lambda-go, with the known differences +runtimeapi\n%s", diff)
				}
			})
		}
	}
	for _, d := range differences() {
		if !applied[d.reason] {
			t.Errorf("there is no such difference: %s", d.reason)
		}
	}
}

// converse sends an event to a function and returns the function's calls.
func converse(t *testing.T, name, payload string) exchange {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := newAPI(t)
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), "FUNCTION="+name, "EXTENSION=off", "GORACE=atexit_sleep_ms=0", "AWS_LAMBDA_RUNTIME_API="+a.address())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is no matter
		close(exited)
	}()
	defer func() {
		_ = cmd.Process.Kill()
		<-exited
	}()
	first := a.call("/next")
	a.invoke(given{payload: payload})
	e := exchange{Calls: []said{first.said()}}
	timeout := time.After(deadline)
	if name == "aws streamed" && payload == `"no progress"` || name == "aws buffered" && payload == "goexit" {
		timeout = time.After(100 * time.Millisecond) // aws-lambda-go makes no further call; the table of differences has this case
	}
	for {
		select {
		case c := <-a.calls:
			if c.is("/next") {
				e.Then = "next"
				return e
			}
			e.Calls = append(e.Calls, c.said())
		case <-exited:
			for len(a.calls) > 0 {
				c := <-a.calls
				e.Calls = append(e.Calls, c.said())
			}
			e.Then = "exit"
			return e
		case <-timeout:
			e.Then = "hang"
			return e
		}
	}
}

func (c call) said() said {
	s := said{Method: c.Method, Path: c.Path[strings.LastIndex(c.Path, "/"):], Header: c.Header.Clone(), Chunked: c.Length < 0, Body: c.Body}
	s.Header.Del("Content-Length")
	if agent, _, _ := strings.Cut(s.Header.Get("User-Agent"), "/"); agent != "" {
		s.Header.Set("User-Agent", agent)
	}
	if c.Length < 0 {
		s.Trailer = c.Trailer
		if body, err := base64.StdEncoding.DecodeString(c.Trailer.Get(errorBodyHeader)); err == nil && len(body) > 0 {
			from := strings.Index(string(body), `,"stackTrace"`)
			if from >= 0 {
				body = append(body[:from], '}')
			}
			s.Trailer.Set(errorBodyHeader, string(body))
		}
	}
	return s
}
