package inproc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// A waiting stream needs only the goroutine of its handler and some memory.
func TestIdleStreamsAreSmall(t *testing.T) {
	const streams = 500
	_, conn := serve(t, inproc.Config{})
	ctx := t.Context()
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

// Unread messages are bounded in both directions: the sender waits.
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
			synctest.Wait() // until it waits at the limit
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
			synctest.Wait()
			cancel()
			sent(<-counted)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run(t, func(n int) {
					if n == 0 || n*size > 64<<10+size {
						t.Errorf("%d messages of %d bytes were sent without being read", n, size)
					}
				})
			})
		})
	}
}

// A long-lived server or context keeps no references to finished calls and
// closed connections.
func TestFinishedCallsAreReleased(t *testing.T) {
	ctx := t.Context()
	for name, use := range map[string]func(server *inproc.Server, conn *inproc.Conn, option grpc.CallOption){
		"a stream": func(_ *inproc.Server, conn *inproc.Conn, option grpc.CallOption) {
			stream, err := conn.NewStream(ctx, bidi, echoStream, option)
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, stream, "x")
			_ = stream.CloseSend()
			if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		},
		"a unary call": func(_ *inproc.Server, conn *inproc.Conn, option grpc.CallOption) {
			if _, err := say(ctx, conn, "x", option); err != nil {
				t.Fatal(err)
			}
		},
		"a connection": func(server *inproc.Server, _ *inproc.Conn, option grpc.CallOption) {
			conn := server.Connect(option)
			if _, err := say(context.Background(), conn, "x"); err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, conn := serve(t, inproc.Config{})
			collected := make(chan struct{})
			func() {
				held := new([64]byte)
				runtime.AddCleanup(held, func(struct{}) { close(collected) }, struct{}{})
				use(server, conn, grpc.OnFinish(func(error) { held[0]++ }))
			}()
			for deadline := time.Now().Add(10 * time.Second); ; {
				runtime.GC()
				select {
				case <-collected:
					return
				case <-time.After(time.Millisecond):
				}
				if time.Now().After(deadline) {
					t.Fatal("it is still remembered")
				}
			}
		})
	}
}

// A reused buffer holds one message at a time.
func TestBuffersAreNotShared(t *testing.T) {
	_, conn := serve(t, inproc.Config{})
	for name, options := range map[string][]grpc.CallOption{
		"by the protobuf codec":                      nil,
		"by a codec that works with counted buffers": {grpc.ForceCodecV2(encoding.GetCodecV2("proto"))},
	} {
		t.Run(name, func(t *testing.T) {
			var calls sync.WaitGroup
			for i := range 16 {
				calls.Go(func() {
					for n := range 100 {
						size := []int{10, 1_000, 1_100, 20_000}[n%4]
						want := strings.Repeat(string(rune('a'+i)), size)
						if got, err := say(t.Context(), conn, want, options...); err != nil || got != want {
							t.Errorf("sent %c, received %.10q, %v", 'a'+i, got, err)
							return
						}
					}
				})
			}
			calls.Wait()
		})
	}
}

// A message that encodes itself, as old generated code can, may return its
// own memory. That memory is not written to.
func TestMessagesKeepTheirMemory(t *testing.T) {
	_, conn := serve(t, inproc.Config{})
	stream, err := conn.NewStream(t.Context(), bidi, echoStream)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{5, 5_000} {
		want, err := proto.Marshal(wrapperspb.String(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		message := &selfEncoding{bytes.Clone(want)}
		reply := new(wrapperspb.StringValue)
		if err := conn.Invoke(t.Context(), echo, message, reply); err != nil || len(reply.GetValue()) != size {
			t.Errorf("%d bytes, %v", len(reply.GetValue()), err)
		}
		if err := stream.SendMsg(message); err != nil {
			t.Error(err)
		}
		clear(message.encoded) // it is the caller's again
		if err := stream.RecvMsg(reply); err != nil || strings.Trim(reply.GetValue(), "x") != "" || len(reply.GetValue()) != size {
			t.Errorf("%.10q, %d bytes, %v", reply.GetValue(), len(reply.GetValue()), err)
		}
		copy(message.encoded, want)
		for range 3 {
			_, err := say(t.Context(), conn, "abc")
			exchange(t, stream, "abc")
			if err != nil || !bytes.Equal(message.encoded, want) {
				t.Fatalf("the message has become %.10q, %v", message.encoded, err)
			}
		}
	}
}

// selfEncoding is a message that holds its own encoding.
type selfEncoding struct{ encoded []byte }

func (m *selfEncoding) Reset()                   { *m = selfEncoding{} }
func (m *selfEncoding) String() string           { return string(m.encoded) }
func (m *selfEncoding) ProtoMessage()            {}
func (m *selfEncoding) Marshal() ([]byte, error) { return m.encoded, nil }
func (m *selfEncoding) Unmarshal(b []byte) error { m.encoded = bytes.Clone(b); return nil }
