package service_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// ended records how calls begin and end.
type ended struct {
	header string // added to the metadata of each call

	mu     sync.Mutex
	events []string
	done   sync.WaitGroup
}

type seen struct{}

func (e *ended) note(event string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
}

func (e *ended) begin(side, method string) func(error) {
	e.done.Add(1)
	e.note(side + " " + method)
	return func(err error) {
		e.note(side + " " + status.Code(err).String())
		e.done.Done() // panics if the function is called twice
	}
}

func (e *ended) instrument() service.Option {
	return instrument(service.Instrumentation{
		ClientCall: func(ctx context.Context, method string, md metadata.MD) (context.Context, func(error)) {
			md["x-note"], md["x-header"] = []string{"from ClientCall"}, []string{e.header}
			return ctx, e.begin("client", method)
		},
		ServerCall: func(ctx context.Context, method string, md metadata.MD, own bool) (context.Context, func(error)) {
			if own != slices.Equal(md["x-note"], []string{"from ClientCall"}) {
				e.note("metadata")
			}
			return context.WithValue(ctx, seen{}, true), e.begin("server", method)
		},
	})
}

// ClientCall and ServerCall see each call, and its end once.
func TestAnInstrumentationSeesTheEndOfEachCall(t *testing.T) {
	get := func(ctx context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
		if ctx.Value(seen{}) == nil {
			t.Error("the handler has not the context of ServerCall")
		}
		switch r.GetName() {
		case "panic":
			panic("oh")
		case "exit":
			runtime.Goexit()
		}
		return &testv1.GetResponse{}, nil
	}
	for name, test := range map[string]struct {
		target string
		want   []string // sorted
	}{
		"a unary call": {"/test/v1/items/a", []string{
			"client /test.v1.TestService/Get", "client OK", "server /test.v1.TestService/Get", "server OK",
		}},
		"a panic": {"/test/v1/items/panic", []string{
			"client /test.v1.TestService/Get", "client Internal", "server /test.v1.TestService/Get", "server Internal",
		}},
		"a stream": {"/test/v1/items?count=2", []string{
			"client /test.v1.TestService/List", "client OK", "server /test.v1.TestService/List", "server OK",
		}},
		"metadata that is too large": {"/test/v1/items/large", []string{"client /test.v1.TestService/Get", "client ResourceExhausted"}},
		"health":                     {"/healthz", nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, tr transport.Transport) {
				e := &ended{}
				if strings.HasSuffix(test.target, "large") {
					e.header = strings.Repeat("x", 256<<10)
				}
				s, err := service.New(t.Context(), tr, quiet(), e.instrument(), bindTest(testService{get: get}))
				if err != nil {
					t.Fatal(err)
				}
				r := httptest.NewRequestWithContext(t.Context(), "GET", test.target, nil)
				s.ServeHTTP(httptest.NewRecorder(), r)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				e.done.Wait() // hangs if a call has not ended
				slices.Sort(e.events)
				if !slices.Equal(e.events, test.want) {
					t.Errorf("%q\nwant %q", e.events, test.want)
				}
			})
		})
	}
	t.Run("a handler that ends its goroutine", func(t *testing.T) { // grpc-go never ends such a call
		e := &ended{}
		s, err := service.New(t.Context(), transport.InProcess(), quiet(), e.instrument(), bindTest(testService{get: get}))
		if err != nil {
			t.Fatal(err)
		}
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/test/v1/items/exit", nil))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		e.done.Wait()
		if !slices.Contains(e.events, "server Internal") || !slices.Contains(e.events, "client Internal") {
			t.Errorf("%q", e.events)
		}
	})
	t.Run("a gRPC client", func(t *testing.T) {
		e := &ended{}
		s := start(t, transport.InProcess(), t.Output(), e.instrument(), bindTest(testService{get: get}))
		if _, err := testv1.NewTestServiceClient(dial(t, s)).Get(t.Context(), &testv1.GetRequest{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		e.done.Wait()
		if want := []string{"server /test.v1.TestService/Get", "server OK"}; !slices.Equal(e.events, want) {
			t.Errorf("%q, want %q", e.events, want)
		}
	})
	t.Run("a stream that its client leaves", func(t *testing.T) {
		e := &ended{}
		s := start(t, transport.InProcess(), t.Output(), e.instrument(), bindTest(testService{}))
		ctx, cancel := context.WithCancel(t.Context())
		desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
		if _, err := s.Conn().NewStream(ctx, desc, "/test.v1.TestService/Chat"); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		e.done.Wait()
		if !slices.Contains(e.events, "client Canceled") {
			t.Errorf("%q", e.events)
		}
	})
}

// panicsAt is an instrumentation that panics at one point of a call.
func panicsAt(point string) service.Option {
	begin := func(ctx context.Context, side string) (context.Context, func(error)) {
		if point == side+" begin" {
			panic("in an instrumentation")
		}
		return ctx, func(error) {
			if point == side+" end" {
				panic("in an instrumentation")
			}
		}
	}
	return instrument(service.Instrumentation{
		ClientCall: func(ctx context.Context, _ string, _ metadata.MD) (context.Context, func(error)) {
			return begin(ctx, "client")
		},
		ServerCall: func(ctx context.Context, _ string, _ metadata.MD, _ bool) (context.Context, func(error)) {
			return begin(ctx, "server")
		},
	})
}

// A panic of an instrumentation ends only the call, and the others still see
// its end.
func TestAnInstrumentationThatPanics(t *testing.T) {
	for _, point := range []string{"client begin", "client end", "server begin", "server end"} {
		for name, target := range map[string]string{"unary": "/test/v1/items/a", "stream": "/test/v1/items?count=2"} {
			t.Run(point+", "+name, func(t *testing.T) {
				each(t, func(t *testing.T, tr transport.Transport) {
					outer, inner := &ended{}, &ended{}
					s, err := service.New(t.Context(), tr, quiet(), outer.instrument(), panicsAt(point), inner.instrument(), bindTest(testService{}))
					if err != nil {
						t.Fatal(err)
					}
					func() {
						defer func() { _ = recover() }() // as net/http's server and package event do
						s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
					}()
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					outer.done.Wait() // hangs if a call has not ended
					inner.done.Wait()
					if point == "server end" && !slices.Contains(outer.events, "server Internal") {
						t.Errorf("%q", outer.events)
					}
				})
			})
		}
	}
	t.Run("a stream that its client leaves", func(t *testing.T) { // it ends on a goroutine of the transport
		each(t, func(t *testing.T, tr transport.Transport) {
			outer := &ended{}
			s, err := service.New(t.Context(), tr, quiet(), outer.instrument(), panicsAt("client end"), bindTest(testService{}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
			if _, err := s.Conn().NewStream(ctx, desc, "/test.v1.TestService/Chat"); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			outer.done.Wait()
		})
	})
}
