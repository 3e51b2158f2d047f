package event_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// functionMode makes the test binary a function. Its value says how it responds.
const functionMode = "EVENT_TEST_FUNCTION"

func TestMain(m *testing.M) {
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/break":
			pieces(w, "half", flush)
			panic("secret")
		case "/panic":
			panic("secret")
		case "/large":
			_, _ = w.Write(make([]byte, 7<<20))
		default:
			pieces(w, "whole")
		}
	}), quiet())
	switch os.Getenv(functionMode) {
	case "stream":
		lambda.Start(h.Stream)
	case "buffered":
		lambda.Start(h)
	case "runtimeapi stream":
		serve(runtimeapi.StreamFunc(h.Stream))
	case "runtimeapi buffered":
		serve(h)
	}
	os.Exit(m.Run())
}

// serve serves h with this repository's own client.
func serve(h runtimeapi.Handler) {
	cfg, err := runtimeapi.FromEnv(os.Getenv)
	if err == nil {
		err = runtimeapi.Serve(context.Background(), h, cfg)
	}
	panic(err)
}

// posted is a request of a function to the Runtime API.
type posted struct {
	path, contentType, body string
	trailer                 http.Header
}

// TestRuntime runs a Handler under aws-lambda-go's client and under package
// runtimeapi, each in its own process, against a Runtime API that refuses what the
// real one refuses. Any status except 202 ends aws-lambda-go's process, and the
// test would then wait forever.
func TestRuntime(t *testing.T) {
	for _, mode := range []string{"buffered", "stream", "runtimeapi buffered", "runtimeapi stream"} {
		t.Run(mode, func(t *testing.T) {
			// An API for each, or a call that an ended process has left behind takes an event.
			events := make(chan string)
			results := make(chan posted)
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/extension/") {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				if strings.HasSuffix(r.URL.Path, "/next") {
					select {
					case e := <-events:
						w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
						w.Header().Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
						_, _ = io.WriteString(w, e)
					case <-r.Context().Done():
					}
					return
				}
				body, _ := io.ReadAll(r.Body)
				if len(body) > 6_291_556 {
					w.WriteHeader(http.StatusRequestEntityTooLarge)
					return
				}
				w.WriteHeader(http.StatusAccepted)
				results <- posted{r.URL.Path, r.Header.Get("Content-Type"), string(body), r.Trailer}
			}))
			defer api.Close()
			binary, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), binary)
			cmd.Env = append(os.Environ(), functionMode+"="+mode, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			call := func(path string) posted {
				t.Helper()
				timeout := time.After(time.Minute)
				select {
				case events <- string(payload(t, "function-url", request{target: path})):
				case <-timeout:
					t.Fatal("the function asks for no event")
				}
				select {
				case p := <-results:
					return p
				case <-timeout:
					t.Fatal("the function does not answer")
				}
				panic("unreachable")
			}
			checkRuntime(t, strings.TrimPrefix(mode, "runtimeapi "), call)
		})
	}
}

func checkRuntime(t *testing.T, mode string, call func(path string) posted) {
	const errorType, errorBody = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"
	whole := func() {
		t.Helper()
		p := call("/")
		if !strings.HasSuffix(p.path, "/response") || !strings.Contains(p.body, "whole") || p.trailer.Get(errorType) != "" {
			t.Errorf("got %+v", p)
		}
		if streamed := p.contentType == integrationResponse; streamed != (mode == "stream") {
			t.Errorf("the answer is of type %s", p.contentType)
		}
	}
	whole()
	p := call("/break")
	if mode == "stream" {
		reason, _ := base64.StdEncoding.DecodeString(p.trailer.Get(errorBody))
		if !strings.HasSuffix(p.body, "half") || p.trailer.Get(errorType) == "" || !strings.Contains(string(reason), "failed after") {
			t.Errorf("got %+v: %s", p, reason)
		}
	} else if !strings.Contains(p.body, `\"code\":13`) {
		t.Errorf("got %+v", p)
	}
	if p := call("/panic"); !strings.Contains(p.body, "internal error") || p.trailer.Get(errorType) != "" {
		t.Errorf("got %+v", p)
	}
	if mode == "buffered" {
		if p := call("/large"); !strings.Contains(p.body, "6291556") || !json.Valid([]byte(p.body)) {
			t.Errorf("got %+v", p)
		}
	}
	whole()
}
