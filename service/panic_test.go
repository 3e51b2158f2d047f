package service_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A typedError has methods that panic on a nil pointer, as errors have that a
// function returns by mistake for success.
type typedError struct{ text string }

func (e *typedError) Error() string { return e.text }

// A panicking observer panics at one step.
type (
	panicking     string
	panickingCall struct{ panicking }
)

func (p panicking) at(step string) {
	if string(p) == step {
		panic(step)
	}
}

func (p panicking) Tag(context.Context) string { return "" }

func (p panicking) Begin(string, string, string, metadata.MD) service.CallObserver {
	p.at("begin")
	return panickingCall{p}
}

func (p panickingCall) Received(any) { p.at("received") }
func (p panickingCall) Sent(any)     { p.at("sent") }
func (p panickingCall) End(error)    { p.at("end") }

type panickingHandler struct{ slog.Handler }

func (panickingHandler) Enabled(context.Context, slog.Level) bool { return true }

func (panickingHandler) Handle(context.Context, slog.Record) error { panic("in a log handler") }
func (h panickingHandler) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h panickingHandler) WithGroup(string) slog.Handler           { return h }

func instrument(i service.Instrumentation) service.Option {
	return service.WithInstrumentation(func(service.Host) (service.Instrumentation, error) { return i, nil })
}

// If any code around a handler panics, the process goes on and the client gets an
// error.
func TestAPanicAroundAHandlerFailsItsCallAlone(t *testing.T) {
	var none *typedError
	succeed := testService{}
	fail := testService{
		get: func(context.Context, *testv1.GetRequest) (*testv1.GetResponse, error) { return nil, none },
		list: func(*testv1.ListRequest, grpc.ServerStreamingServer[testv1.ListResponse]) error {
			return none
		},
	}
	for name, options := range map[string][]service.Option{
		"an error that is a nil pointer": {bindTest(fail)},
		"an interceptor of an instrumentation": {bindTest(succeed), instrument(service.Instrumentation{
			UnaryInterceptor: func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				_, _ = next(ctx, req)
				panic("in an instrumentation")
			},
			StreamInterceptor: func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
				_ = next(srv, stream)
				panic("in an instrumentation")
			},
		})},
		"an observer as a call begins":      {bindTest(succeed), service.WithObserver(panicking("begin"))},
		"an observer of a received message": {bindTest(succeed), service.WithObserver(panicking("received"))},
		"an observer of a sent message":     {bindTest(succeed), service.WithObserver(panicking("sent"))},
		"an observer as a call ends":        {bindTest(succeed), service.WithObserver(panicking("end"))},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, tr transport.Transport) {
				s, err := service.New(t.Context(), tr, append([]service.Option{quiet()}, options...)...)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if got := call(t, s, "GET", "/test/v1/items/a", ""); got.code != 500 {
					t.Errorf("a unary call: %+v", got)
				}
				if got := call(t, s, "GET", "/test/v1/items?count=1", ""); got.code == 200 && !strings.Contains(got.body, `"error"`) {
					t.Errorf("a stream: %+v", got)
				}
			})
		})
	}
}

func TestAPanicInALogHandlerCostsALine(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		s, err := service.New(t.Context(), tr, service.WithLogger(slog.New(panickingHandler{})), bindTest(testService{}))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := call(t, s, "GET", "/test/v1/items/a", ""); got.code != 200 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAPanicInAnInstrumentationLeavesTheOthers(t *testing.T) {
	var calls []string
	fail := func(context.Context) error { panic("in an instrumentation") }
	note := func(call string) func(context.Context) error {
		return func(context.Context) error {
			calls = append(calls, call)
			return nil
		}
	}
	s, err := service.New(t.Context(), transport.InProcess(), quiet(), bindTest(testService{}),
		instrument(service.Instrumentation{Opened: func(string) { panic("in an instrumentation") }, Flush: fail, Close: fail}),
		instrument(service.Instrumentation{Flush: note("flush"), Close: note("close"), Opened: func(string) { calls = append(calls, "opened") }}))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Flush(t.Context()), s.Close()} {
		if err == nil || !strings.Contains(err.Error(), "panic in an instrumentation") {
			t.Errorf("the error is %v", err)
		}
	}
	if got := strings.Join(calls, " "); got != "opened flush close" {
		t.Errorf("calls of the other: %q", got)
	}
}
