package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

var streaming = []string{"rest-api", "function-url"}

const integrationResponse = "application/vnd.awslambda.http-integration-response"

func contentType(r io.Reader) string {
	return r.(interface{ ContentType() string }).ContentType()
}

func TestPrelude(t *testing.T) {
	want := map[string]string{
		"rest-api":     `{"statusCode":201,"multiValueHeaders":{"Content-Type":["text/plain"],"Set-Cookie":["a=1","b=2"],"Vary":["A","B"]}}`,
		"function-url": `{"statusCode":201,"cookies":["a=1","b=2"],"headers":{"Content-Type":"text/plain","Vary":"A, B"}}`,
	}
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Vary"] = []string{"A", "B"}
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header().Set("Content-Length", "4") // Lambda would rename it
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "a\x00\xffb")
	}))
	for _, kind := range streaming {
		r, err := h.Stream(t.Context(), payload(t, kind, request{target: "/"}))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || contentType(r) != integrationResponse {
			t.Error(err, contentType(r))
		}
		if diff := cmp.Diff(want[kind]+strings.Repeat("\x00", 8)+"a\x00\xffb", string(got)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", kind, diff)
		}
		closeReader(t, r)
	}
}

// TestEachFlushIsSent has a handler that waits for the client after each flush.
func TestEachFlushIsSent(t *testing.T) {
	for _, kind := range streaming {
		t.Run(kind, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			next := make(chan struct{})
			h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				for i := range 3 {
					pieces(w, fmt.Sprintf("{\"n\":%d}\n", i), flush)
					<-next
				}
			}))
			r, err := h.Stream(t.Context(), payload(t, kind, request{target: "/"}))
			if err != nil {
				t.Fatal(err)
			}
			defer closeReader(t, r)
			var got strings.Builder
			buf := make([]byte, 4096)
			for i := range 3 {
				for !strings.HasSuffix(got.String(), fmt.Sprintf("{\"n\":%d}\n", i)) {
					n, err := r.Read(buf)
					if err != nil {
						t.Fatal(err)
					}
					got.Write(buf[:n])
				}
				next <- struct{}{}
			}
			if n, err := r.Read(buf); n != 0 || err != io.EOF {
				t.Errorf("the end is %d, %v", n, err)
			}
		})
	}
}

func TestFailureInAStream(t *testing.T) {
	broken := map[string]http.HandlerFunc{
		"a panic":                    func(w http.ResponseWriter, _ *http.Request) { pieces(w, "half", flush); panic("secret") },
		"an abort":                   func(w http.ResponseWriter, _ *http.Request) { pieces(w, "half", flush); panic(http.ErrAbortHandler) },
		"less than the length says":  func(w http.ResponseWriter, _ *http.Request) { sized(w, "10", "half", flush) },
		"more than is held back":     func(w http.ResponseWriter, _ *http.Request) { pieces(w, strings.Repeat("x", 5000)); panic("secret") },
		"only a header that is sent": func(w http.ResponseWriter, _ *http.Request) { pieces(w, flush); panic("secret") },
	}
	for name, next := range broken {
		t.Run(name+", after something was sent, breaks it off", func(t *testing.T) {
			for _, kind := range streaming {
				r, err := event.NewHandler(next, quiet()).Stream(t.Context(), payload(t, kind, request{target: "/"}))
				if err != nil {
					t.Fatal(err)
				}
				out, err := io.ReadAll(r)
				if err == nil || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: the stream ends with %v", kind, err)
				}
				if !strings.HasPrefix(string(out), `{"statusCode":200,`) || strings.Contains(string(out), "internal error") {
					t.Errorf("%s: got %q", kind, out)
				}
				closeReader(t, r)
			}
		})
	}
	whole := map[string]http.HandlerFunc{
		"a panic":                       func(http.ResponseWriter, *http.Request) { panic("secret") },
		"a panic with something unsent": func(w http.ResponseWriter, _ *http.Request) { pieces(w, "half"); panic("secret") },
		"a wrong length":                func(w http.ResponseWriter, _ *http.Request) { sized(w, "10", "half") },
		"an invalid status":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(7) },
	}
	for name, next := range whole {
		t.Run(name+", before anything was sent, is an answer", func(t *testing.T) {
			for _, kind := range streaming {
				a := stream(t, event.NewHandler(next, quiet()), kind, payload(t, kind, request{target: "/"}))
				wantError(t, a, 500, 13)
				if a.broken {
					t.Errorf("%s: it breaks off", kind)
				}
			}
		})
	}
	t.Run("a bad request is an answer too", func(t *testing.T) {
		for _, kind := range streaming {
			a := stream(t, event.NewHandler(http.NotFoundHandler()), kind, payload(t, kind, request{target: "/"}, func(e map[string]any) {
				e["body"], e["isBase64Encoded"] = "*", true
			}))
			wantError(t, a, 400, 3)
		}
	})
	t.Run("an error writer that fails is replaced", func(t *testing.T) {
		for _, kind := range streaming {
			h := event.NewHandler(whole["a panic"], quiet(), event.WithErrorWriter(func(w http.ResponseWriter, _ *event.Error) {
				pieces(w, "x", flush)
				panic("again")
			}))
			wantError(t, stream(t, h, kind, payload(t, kind, request{target: "/"})), 500, 13)
		}
	})
}

// Without a deadline a handler runs on the goroutine that writes the stream.
func TestAHandlerThatEndsTheGoroutineOfAStream(t *testing.T) {
	h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }))
	for _, kind := range streaming {
		r, err := h.Stream(t.Context(), payload(t, kind, request{target: "/"}))
		if err != nil {
			t.Fatal(err)
		}
		var failed *event.StreamError
		if _, err := io.ReadAll(r); !errors.As(err, &failed) {
			t.Errorf("%s: %v", kind, err)
		}
		closeReader(t, r)
	}
}

// TestCloseJoinsTheHandler closes a stream before its end.
func TestCloseJoinsTheHandler(t *testing.T) {
	for _, kind := range streaming {
		synctest.Test(t, func(t *testing.T) { // in which a goroutine left behind is a failure
			ended := false
			h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var err error
				for err == nil {
					pieces(w, "again and again")
					err = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
				ended = true
			}))
			r, err := h.Stream(context.Background(), payload(t, kind, request{target: "/"}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			closeReader(t, r)
			if !ended {
				t.Error("Close returned before the handler did")
			}
			if _, err := r.Read(make([]byte, 1)); err == nil {
				t.Error("a closed stream can be read")
			}
		})
	}
}

// TestStreamEndsWithTheInvocation has a handler that waits for its context.
func TestStreamEndsWithTheInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pieces(w, "begun", flush)
			<-r.Context().Done()
			_, _ = fmt.Fprint(w, " ", r.Context().Err())
		}))
		r, err := h.Stream(ctx, payload(t, "function-url", request{target: "/"}))
		if err != nil {
			t.Fatal(err)
		}
		defer closeReader(t, r)
		out, err := io.ReadAll(r)
		if !strings.HasSuffix(string(out), "begun context deadline exceeded") || err != nil {
			t.Errorf("got %q, %v", out, err)
		}
		if ctx.Err() != nil {
			t.Error("the invocation was over before")
		}
	})
}

func TestStreamWithoutBody(t *testing.T) {
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNoContent)
		}
		pieces(w, "hello", flush)
	}))
	for _, kind := range streaming {
		for method, status := range map[string]int{"HEAD": 200, "GET": 204} {
			a := stream(t, h, kind, payload(t, kind, request{method: method, target: "/"}))
			if a.body != "" || a.status != status || a.broken {
				t.Errorf("%s, %s: got %+v", kind, method, a)
			}
		}
	}
}

func TestSourcesThatCannotStream(t *testing.T) {
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { pieces(w, "a", flush, "b") }))
	each(t, func(t *testing.T, kind string) {
		p := payload(t, kind, request{target: "/"})
		r, err := h.Stream(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		streamed, err := io.ReadAll(r)
		if err != nil || contentType(r) != "application/json" {
			t.Error(err, contentType(r))
		}
		buffered, err := h.Invoke(t.Context(), p)
		if diff := cmp.Diff(string(buffered), string(streamed)); diff != "" || err != nil {
			t.Errorf("it differs from what Invoke returns (-Invoke +Stream): %v\n%s", err, diff)
		}
	}, streaming...)
}

// TestLambdaTakesBoth passes a Handler and its Stream to aws-lambda-go.
func TestLambdaTakesBoth(t *testing.T) {
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { pieces(w, "a", flush, "b") }))
	p := payload(t, "function-url", request{target: "/"})
	for name, tt := range map[string]struct {
		handler any
		want    string
	}{
		"buffered": {h, `{"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8"},"body":"ab","isBase64Encoded":false}`},
		"streamed": {h.Stream, `{"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8"}}` + strings.Repeat("\x00", 8) + "ab"},
	} {
		out, err := lambda.NewHandler(tt.handler).Invoke(t.Context(), json.RawMessage(p))
		if err != nil || string(out) != tt.want {
			t.Errorf("%s: got %q, %v; want %q", name, out, err, tt.want)
		}
	}
}
