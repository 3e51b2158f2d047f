package runtimeapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// This test binary is also the function of tests that need a process.
func TestMain(m *testing.M) {
	if name := os.Getenv("FUNCTION"); name != "" {
		runFunction(name)
	}
	goleak.VerifyTestMain(m)
}

// deadline limits waits, so that a test fails instead of hanging.
const deadline = 30 * time.Second

// call is a call of the API by a function.
type call struct {
	Method, Path string
	Header       http.Header
	Length       int64  // -1: chunked
	Body         string // its first 8 MiB
	size         int64
	Trailer      http.Header
	conn         string
}

func (c call) is(path string) bool { return strings.HasSuffix(c.Path, path) }

// given is an invocation that the API gives to a function in its response to next:
// the payload and the headers.
type given struct {
	payload string
	header  map[string]string
}

// api is a Runtime API that records its calls.
type api struct {
	t      testing.TB
	server *httptest.Server
	events chan given
	calls  chan call

	mu     sync.Mutex
	status map[string]int // of the response to a call, by the end of its path
}

func newAPI(t testing.TB) *api {
	a := &api{t: t, events: make(chan given), calls: make(chan call, 1<<16), status: map[string]int{}}
	a.server = httptest.NewServer(a)
	t.Cleanup(func() {
		a.server.CloseClientConnections()
		a.server.Close()
	})
	return a
}

func (a *api) address() string { return strings.TrimPrefix(a.server.URL, "http://") }

// setStatus sets the status of the calls whose path ends with path.
func (a *api) setStatus(path string, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status[path] = status
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return
	}
	rest, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return
	}
	status := http.StatusAccepted
	a.mu.Lock()
	for path, s := range a.status {
		if strings.HasSuffix(r.URL.Path, path) {
			status = s
		}
	}
	a.mu.Unlock()
	c := call{r.Method, r.URL.EscapedPath(), r.Header, r.ContentLength, string(body), int64(len(body)) + rest, r.Trailer, r.RemoteAddr}
	switch {
	case status != http.StatusAccepted:
		a.calls <- c
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"errorType":"Refused"}`)
	case c.is("/extension/register"):
		a.calls <- c
		w.Header().Set("Lambda-Extension-Identifier", "ext-1")
	case c.is("/event/next"):
		a.calls <- c
		<-r.Context().Done()
	case c.is("/invocation/next"):
		a.calls <- c
		a.next(w, r)
	default:
		w.WriteHeader(status)
		a.calls <- c
	}
}

func (a *api) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e := <-a.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "id-1")
		h.Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
		for name, value := range e.header {
			h.Set(name, value)
			if value == "" {
				h.Del(name)
			}
		}
		_, _ = io.WriteString(w, e.payload)
	case <-r.Context().Done():
	}
}

// invoke sends the function an event when it asks for one.
func (a *api) invoke(e given) {
	a.t.Helper()
	select {
	case a.events <- e:
	case <-time.After(deadline):
		a.t.Fatal("the function does not ask for an event")
	}
}

// call returns the next call of the function, which must have this path.
func (a *api) call(path string) call {
	a.t.Helper()
	select {
	case c := <-a.calls:
		if !c.is(path) {
			a.t.Fatalf("the function calls %s %s %s, want %s", c.Method, c.Path, c.Body, path)
		}
		return c
	case <-time.After(deadline):
		a.t.Fatalf("the function does not call %s", path)
	}
	panic("unreachable")
}

// serving is a Client that serves in this process.
type serving struct {
	t      testing.TB
	stop   context.CancelFunc
	result chan error
	log    *testlog.Buffer
}

// serve serves handler, without the extension, until the end of the test.
func serve(t testing.TB, a *api, handler runtimeapi.Handler, change ...func(*runtimeapi.Config, *runtimeapi.Client)) *serving {
	t.Helper()
	s := &serving{t: t, result: make(chan error, 1), log: &testlog.Buffer{}}
	cfg := runtimeapi.Config{
		Address: a.address(), WithoutExtension: true, ShutdownTimeout: 10 * time.Second,
		Logger: logger(s.log),
	}
	for _, f := range change {
		f(&cfg, nil)
	}
	client, err := runtimeapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(&cfg, client)
	}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() { s.result <- client.Serve(ctx, handler) }()
	t.Cleanup(stop)
	return s
}

// wait waits for Serve and returns its error.
func (s *serving) wait() error {
	s.t.Helper()
	select {
	case err := <-s.result:
		return err
	case <-time.After(deadline):
		s.t.Fatal("Serve does not return")
	}
	panic("unreachable")
}

// end ends Serve, which must return nil.
func (s *serving) end() {
	s.t.Helper()
	s.stop()
	if err := s.wait(); err != nil {
		s.t.Errorf("Serve: %v", err)
	}
}

// handlerFunc is a function as a Handler.
type handlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

func echo(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }
