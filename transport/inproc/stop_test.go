package inproc_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// held is an interceptor whose calls signal there and then wait for release,
// whatever their context.
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

func TestClose_LeavesOtherConnectionsOpen(t *testing.T) {
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
	// Its calls end before the handler has noticed.
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

// A handler that ends its goroutine, as FailNow in a test does, affects
// neither its client nor the server.
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
	for range 100 {
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
