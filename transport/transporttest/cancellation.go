package transporttest

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// maxDelay is how much later than over a socket a client may return.
const maxDelay = time.Millisecond

// testCancellationDelay checks how soon a client returns when its context
// ends, while its handler ignores its own context. Samples of the socket and
// of tr alternate and their medians are compared, since the machine may be
// busy.
func testCancellationDelay(t *testing.T, tr transport.Transport) {
	calls := map[string]func(context.Context, transport.Conn) error{
		"call": func(ctx context.Context, conn transport.Conn) error {
			return conn.Invoke(ctx, unary, wrapperspb.String("x"), new(wrapperspb.StringValue))
		},
		"stream": func(ctx context.Context, conn transport.Conn) error {
			stream, err := conn.NewStream(ctx, bidiDesc, bidi)
			if err != nil {
				return err
			}
			return stream.RecvMsg(new(wrapperspb.StringValue))
		},
	}
	for what, call := range calls {
		for _, after := range []time.Duration{200 * time.Microsecond, 10 * time.Millisecond} {
			t.Run("a "+what+" that is cancelled after "+after.String(), func(t *testing.T) {
				compareDelay(t, tr, func(conn transport.Conn, called <-chan struct{}) (late time.Duration, err error) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					cancelled := make(chan time.Time, 1)
					go func() {
						<-called
						time.Sleep(after)
						cancelled <- time.Now()
						cancel()
					}()
					err = call(ctx, conn)
					left := time.Now()
					return left.Sub(<-cancelled), err
				})
			})
		}
		t.Run("a "+what+" at its deadline", func(t *testing.T) {
			compareDelay(t, tr, func(conn transport.Conn, called <-chan struct{}) (late time.Duration, err error) {
				deadline := time.Now().Add(10 * time.Millisecond)
				ctx, cancel := context.WithDeadline(t.Context(), deadline)
				defer cancel()
				err = call(ctx, conn)
				late = time.Since(deadline)
				select { // on a busy machine the handler may never have been called
				case <-called:
				default:
				}
				return late, err
			})
		})
	}
}

// compareDelay takes samples of how late a client returns whose handler has
// been called and waits.
func compareDelay(t *testing.T, tr transport.Transport, sample func(transport.Conn, <-chan struct{}) (time.Duration, error)) {
	const samples = 5
	var late [2][]time.Duration
	var conns [2]transport.Conn
	called, released := make(chan struct{}, samples), make(chan struct{})
	hold := func() {
		select {
		case called <- struct{}{}:
		default: // the client has already returned
		}
		<-released
	}
	svc := &service{
		unary: func(_ context.Context, text string) (string, error) { hold(); return text, nil },
		bidi:  func(*serverEnd) error { hold(); return nil },
	}
	for i, tr := range [...]transport.Transport{socket{}, tr} {
		conn, err := tr.Open(t.Context(), transport.ServerConfig{Register: svc.register, DrainTimeout: scenarioTimeout})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}()
		conns[i] = conn
	}
	defer close(released)
	var socket, got time.Duration
	for range 25 { // a busy machine may cause a delay, but not every time
		late = [2][]time.Duration{}
		for range samples {
			for i, conn := range conns {
				d, err := sample(conn, called)
				if err == nil {
					t.Fatal("the client got a response")
				}
				late[i] = append(late[i], d)
			}
		}
		if socket, got = median(late[0]), median(late[1]); got <= maxDelay+2*socket {
			return
		}
	}
	t.Errorf("the client returned %v late, and %v late over a socket", got, socket)
}

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}
