package inproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// A panic in a handler ends the process and names the handler, even if the
// client's goroutine recovers from panics.
func TestPanicEndsTheProcess(t *testing.T) {
	if os.Getenv("INPROC_PANIC") != "" {
		panicInHandler(t)
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestPanicEndsTheProcess$")
	command.Env = append(os.Environ(), "INPROC_PANIC=1")
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("the process ended with %v, want exit status 2\n%s", err, out)
	}
	for _, want := range []string{"panic: out of order", "panickingHandler"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in what it printed:\n%s", want, out)
		}
	}
}

func panicInHandler(t *testing.T) {
	_, conn := serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{panickingHandler}})
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		_, _ = say(context.Background(), conn, "x")
	}))
	defer web.Close()
	_, err := http.Get(web.URL)
	t.Logf("the process is still there: %v", err)
}

func panickingHandler(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
	panic("out of order")
}

// A client whose context ended while the handler was running gets that error,
// even if the handler returns before the client notices.
func TestEndedContextWinsOverTheResponse(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, conn := serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			cancel()
			return handler(ctx, req)
		},
	}})
	if got, err := say(ctx, conn, "x"); status.Code(err) != codes.Canceled || got != "" {
		t.Errorf("%q, %v, want Canceled", got, err)
	}
}

// Handlers may call other methods of their own server.
func TestCallsWithinCalls(t *testing.T) {
	const depth = 30
	var conn *inproc.Conn
	_, conn = serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			text := req.(*wrapperspb.StringValue).GetValue()
			if len(text) < depth {
				inner, err := say(ctx, conn, text+"x")
				return wrapperspb.String(inner), err
			}
			return handler(ctx, req)
		},
	}})
	for range 3 {
		if got, err := say(t.Context(), conn, ""); err != nil || len(got) != depth {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// In the fake time of package synctest, calls take as long as their handlers.
func TestSynctest(t *testing.T) {
	config := inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			time.Sleep(time.Hour)
			return handler(ctx, req)
		},
	}}
	calls := func(t *testing.T, conn grpc.ClientConnInterface) {
		start := time.Now()
		if got, err := say(context.Background(), conn, "x"); err != nil || got != "x" || time.Since(start) != time.Hour {
			t.Errorf("%q, %v after %v", got, err, time.Since(start))
		}
		start = time.Now()
		minute, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := say(minute, conn, "x"); status.Code(err) != codes.DeadlineExceeded || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		time.Sleep(time.Hour) // until that handler has returned, too
	}
	synctest.Test(t, func(t *testing.T) {
		_, conn := serve(t, config)
		calls(t, conn)
	})
	_, outside := serve(t, config)
	for range 2 {
		synctest.Test(t, func(t *testing.T) { calls(t, outside) })
	}
}

// Messages of all sizes keep their order and content, both when many of them
// are unread and when only a few are.
func TestManyMessagesInAStream(t *testing.T) {
	_, conn := serve(t, inproc.Config{})
	sizes := []int{0, 1, 7, 100, 1_019, 1_020, 1_021, 1_022, 1_100, 5_000}
	text := func(n int) string { return strings.Repeat(string(rune('a'+n%26)), sizes[n%len(sizes)]) }
	for _, ahead := range []int{1, 3, 20} {
		stream, err := conn.NewStream(t.Context(), bidi, echoStream)
		if err != nil {
			t.Fatal(err)
		}
		const count = 3_000
		reply := new(wrapperspb.StringValue)
		for n := range count + ahead {
			if n < count {
				if err := stream.SendMsg(wrapperspb.String(text(n))); err != nil {
					t.Fatal(err)
				}
			} else if n == count {
				_ = stream.CloseSend()
			}
			if n < ahead {
				continue
			}
			if err := stream.RecvMsg(reply); err != nil || reply.GetValue() != text(n-ahead) {
				t.Fatalf("message %d: %.20q, %v", n-ahead, reply.GetValue(), err)
			}
		}
		if err := stream.RecvMsg(reply); !errors.Is(err, io.EOF) {
			t.Errorf("after the last message: %v", err)
		}
	}
}

// A stats handler that ends the handler's goroutine affects only its call.
func TestStatsHandlerEndsItsGoroutine(t *testing.T) {
	for where, want := range map[string]codes.Code{
		"tag":               codes.Internal,
		"*stats.Begin":      codes.Internal,
		"*stats.InPayload":  codes.Internal,
		"*stats.OutTrailer": codes.OK, // the handler has answered
		"*stats.End":        codes.OK,
	} {
		t.Run(where, func(t *testing.T) {
			server, conn := serve(t, inproc.Config{StatsHandlers: []stats.Handler{exiting(where)}})
			if _, err := say(t.Context(), conn, "x"); status.Code(err) != want {
				t.Errorf("a call: %v, want %v", err, want)
			}
			stream, err := conn.NewStream(t.Context(), bidi, echoStream)
			if err == nil {
				_ = stream.SendMsg(nil) // RecvMsg has the error of a stream that has ended
				err = stream.CloseSend()
			}
			for err == nil {
				err = stream.RecvMsg(new(wrapperspb.StringValue))
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if status.Code(err) != want {
				t.Errorf("a stream: %v, want %v", err, want)
			}
			server.GracefulStop()
		})
	}
}

// exiting is a stats handler that ends its goroutine at some event.
type exiting string

func (e exiting) at(event string) {
	if event == string(e) {
		runtime.Goexit()
	}
}

func (e exiting) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	e.at("tag")
	return ctx
}
func (e exiting) HandleRPC(_ context.Context, event stats.RPCStats)                 { e.at(fmt.Sprintf("%T", event)) }
func (e exiting) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (e exiting) HandleConn(context.Context, stats.ConnStats)                       {}

// If a message's codec panics on the client's side and the panic is
// recovered, the server can still be stopped.
func TestMessagePanics(t *testing.T) {
	server, conn := serve(t, inproc.Config{})
	for name, call := range map[string]func(){
		"the request": func() {
			_ = conn.Invoke(t.Context(), echo, panicking{}, new(wrapperspb.StringValue), grpc.ForceCodec(panicking{}))
		},
		"the reply": func() { _ = conn.Invoke(t.Context(), echo, wrapperspb.String("x"), (*wrapperspb.StringValue)(nil)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			call()
		}()
	}
	server.GracefulStop()
}

type panicking struct{}

func (panicking) Marshal(any) ([]byte, error) { panic("marshal") }
func (panicking) Unmarshal([]byte, any) error { panic("unmarshal") }
func (panicking) Name() string                { return "panicking" }

// GracefulStop may be called concurrently.
func TestGracefulStopTwiceAtATime(t *testing.T) {
	for range 50 {
		server, conn := serve(t, inproc.Config{})
		if _, err := say(t.Context(), conn, "x"); err != nil {
			t.Fatal(err)
		}
		var stops sync.WaitGroup
		for range 4 {
			stops.Go(server.GracefulStop)
		}
		stops.Wait()
	}
}

// A goroutine that a handler left locked to its thread serves no other call.
// On a connection with stream workers it would.
func TestThreadLeftLockedServesNobodyElse(t *testing.T) {
	locked := func() bool {
		header := make([]byte, 100) // "goroutine 18 [running, locked to thread]:"
		return strings.Contains(string(header[:runtime.Stack(header, false)]), "locked to thread")
	}
	lock := func() {
		if locked() {
			t.Error("a handler runs on a goroutine that another one has locked")
		}
		runtime.LockOSThread()
		if !locked() {
			t.Error("the test cannot see that a goroutine is locked")
		}
	}
	_, conn := serve(t, inproc.Config{
		UnaryInterceptors: []grpc.UnaryServerInterceptor{
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				lock()
				return handler(ctx, req)
			},
		},
		StreamInterceptors: []grpc.StreamServerInterceptor{
			func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
				lock()
				return handler(srv, stream)
			},
		},
	})
	for range 20 {
		if _, err := say(t.Context(), conn, "x"); err != nil {
			t.Error(err)
		}
		stream, err := conn.NewStream(t.Context(), bidi, echoStream)
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, stream, "x")
		_ = stream.CloseSend()
		_ = stream.RecvMsg(new(wrapperspb.StringValue))
	}
}
