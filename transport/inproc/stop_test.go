package inproc_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// held is an interceptor whose calls wait for release, whatever their context
// says, once they have said that they are there.
type held struct{ there, release chan struct{} }

func newHeld() held { return held{make(chan struct{}, 100), make(chan struct{})} }

func (h held) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	h.there <- struct{}{}
	<-h.release
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func TestOneOfTwoConnectionsIsClosed(t *testing.T) {
	h := newHeld()
	server, closing := serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{h.unary}})
	staying := server.Connect()

	errs := make(map[*inproc.Conn]chan error)
	for _, conn := range []*inproc.Conn{closing, staying} {
		c := make(chan error, 1)
		errs[conn] = c
		go func() {
			_, err := say(context.Background(), conn, "x")
			c <- err
		}()
		<-h.there
	}
	finished := make(chan error, 1)
	stream, err := closing.NewStream(context.Background(), bidi, echoStream, grpc.OnFinish(func(err error) { finished <- err }))
	if err != nil {
		t.Fatal(err)
	}
	if err := closing.Close(); err != nil {
		t.Error(err)
	}
	// Its calls end although the handler has not noticed yet.
	for what, err := range map[string]error{
		"a call in flight":   <-errs[closing],
		"OnFinish":           <-finished,
		"a stream in flight": stream.RecvMsg(new(wrapperspb.StringValue)),
		"a later call":       second(say(context.Background(), closing, "x")),
		"a later stream":     second(closing.NewStream(context.Background(), bidi, echoStream)),
	} {
		if status.Code(err) != codes.Canceled {
			t.Errorf("%s: %v, want Canceled", what, err)
		}
	}
	close(h.release)
	if err := <-errs[staying]; err != nil {
		t.Errorf("the other connection: %v", err)
	}
}

func second[A any](_ A, err error) error { return err }

func TestStop(t *testing.T) {
	h := newHeld()
	server, conn := serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{h.unary}})
	inFlight := make(chan error, 1)
	go func() { inFlight <- second(say(context.Background(), conn, "x")) }()
	<-h.there
	stream, err := conn.NewStream(context.Background(), bidi, echoStream)
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	for what, err := range map[string]error{
		"a call in flight":   <-inFlight,
		"a stream in flight": stream.RecvMsg(new(wrapperspb.StringValue)),
		"a later call":       second(say(context.Background(), conn, "x")),
		"a later stream":     second(conn.NewStream(context.Background(), bidi, echoStream)),
		"a later call that would wait for a connection": second(say(context.Background(), conn, "x", grpc.WaitForReady(true))),
	} {
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v, want Unavailable", what, err)
		}
	}
	stopped := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
		t.Error("GracefulStop did not wait for the handler")
	case <-time.After(10 * time.Millisecond):
	}
	close(h.release)
	<-stopped
	server.Stop()
	server.GracefulStop()
}

// A handler that ends its goroutine, as a test does with FailNow, takes neither
// its client nor the server with it.
func TestHandlerEndsItsGoroutine(t *testing.T) {
	server, conn := serve(t, inproc.Config{
		UnaryInterceptors: []grpc.UnaryServerInterceptor{
			func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
				runtime.Goexit()
				return nil, nil
			},
		},
		StreamInterceptors: []grpc.StreamServerInterceptor{
			func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error {
				runtime.Goexit()
				return nil
			},
		},
	})
	for range 100 { // more than there are goroutines that wait for calls
		if _, err := say(t.Context(), conn, "x"); status.Code(err) != codes.Internal {
			t.Fatalf("a call: %v, want Internal", err)
		}
	}
	stream, err := conn.NewStream(t.Context(), bidi, echoStream)
	if err == nil {
		err = stream.RecvMsg(new(wrapperspb.StringValue))
	}
	if status.Code(err) != codes.Internal {
		t.Errorf("a stream: %v, want Internal", err)
	}
	server.GracefulStop()
}

// The goroutines that wait for calls are few, however many calls there were at
// a time.
func TestGoroutinesThatWaitAreFew(t *testing.T) {
	h := newHeld()
	before := runtime.NumGoroutine()
	_, conn := serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{h.unary}})
	var calls sync.WaitGroup
	for range cap(h.there) {
		calls.Go(func() {
			if _, err := say(context.Background(), conn, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	for range cap(h.there) {
		<-h.there
	}
	close(h.release)
	calls.Wait()
	most := before + 4*runtime.GOMAXPROCS(0)
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > most; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, want at most %d", runtime.NumGoroutine(), most)
		}
	}
}

// A stream that waits costs the goroutine of its handler and some memory.
func TestIdleStreamsAreSmall(t *testing.T) {
	const streams = 500
	_, conn := serve(t, inproc.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before, goroutines := used(), runtime.NumGoroutine()
	open := make([]grpc.ClientStream, streams)
	for i := range open {
		var err error
		if open[i], err = conn.NewStream(ctx, bidi, echoStream); err != nil {
			t.Fatal(err)
		}
		exchange(t, open[i], "x") // so that the handler runs
	}
	if more := runtime.NumGoroutine() - goroutines; more > streams {
		t.Errorf("%d goroutines for %d streams", more, streams)
	}
	if each := (used() - before) / streams; each > 16<<10 {
		t.Errorf("%d bytes per stream", each)
	}
	runtime.KeepAlive(open)
}

func exchange(t *testing.T, stream grpc.ClientStream, text string) {
	t.Helper()
	reply := new(wrapperspb.StringValue)
	err := errors.Join(stream.SendMsg(wrapperspb.String(text)), stream.RecvMsg(reply))
	if err != nil || reply.GetValue() != text {
		t.Fatalf("%q, %v", reply.GetValue(), err)
	}
}

// What is unread is bounded in both directions: a sender waits.
func TestUnreadMessagesAreBounded(t *testing.T) {
	const size = 1000
	text := wrapperspb.String(strings.Repeat("x", size))
	for name, run := range map[string]func(t *testing.T, send func(int)){
		"by the client": func(t *testing.T, sent func(int)) {
			release := make(chan struct{})
			_, conn := serve(t, inproc.Config{StreamInterceptors: []grpc.StreamServerInterceptor{
				func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
					<-release
					return nil
				},
			}})
			stream, err := conn.NewStream(context.Background(), bidi, echoStream)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for stream.SendMsg(text) == nil {
					n++
				}
			}()
			time.Sleep(20 * time.Millisecond) // let it run into the limit, or past it
			close(release)
			<-done
			sent(n)
		},
		"by the server": func(t *testing.T, sent func(int)) {
			counted := make(chan int, 1)
			_, conn := serve(t, inproc.Config{StreamInterceptors: []grpc.StreamServerInterceptor{
				func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
					n := 0
					for stream.SendMsg(text) == nil {
						n++
					}
					counted <- n
					return io.ErrUnexpectedEOF
				},
			}})
			ctx, cancel := context.WithCancel(context.Background())
			if _, err := conn.NewStream(ctx, bidi, echoStream); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			cancel()
			sent(<-counted)
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(n int) {
				if n == 0 || n*size > 64<<10+size {
					t.Errorf("%d messages of %d bytes were sent without being read", n, size)
				}
			})
		})
	}
}
