package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// countUntilQuiet counts the values from c until none arrives for a while, after
// the first least ones.
func countUntilQuiet(ctx context.Context, c <-chan int, least int) (n int) {
	for {
		var quiet <-chan time.Time
		if n >= least {
			quiet = time.After(100 * time.Millisecond)
		}
		select {
		case _, ok := <-c:
			if !ok {
				return n
			}
			n++
		case <-quiet:
			return n
		case <-ctx.Done():
			return n
		}
	}
}

var streamScenarios = []scenario{
	{
		name: "a client stream is answered once it is closed",
		server: serving(func(s *recorder) *service {
			return &service{recorder: s, clientStream: func(end *serverEnd) error {
				n, err := end.drain()
				if err != nil {
					return err
				}
				return end.send(fmt.Sprint(n))
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, n := range []int{0, 1, 5} {
				stream := s.stream(ctx, clientStreamDesc, clientStream)
				for i := range n {
					_ = stream.send(fmt.Sprint(i))
				}
				stream.closeSend()
				stream.closeSend()
				_ = stream.recv()
				_ = stream.recv()
			}
		},
	},
	{
		name: "a server stream has any number of responses, in order",
		server: serving(func(s *recorder) *service {
			return &service{recorder: s, serverStream: func(end *serverEnd) error {
				text, err := end.recv()
				if err != nil {
					return err
				}
				for i := range len(text) {
					if err := end.send(fmt.Sprint(i)); err != nil {
						return err
					}
				}
				return nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, n := range []int{0, 1, 3, 1000} {
				stream := s.stream(ctx, serverStreamDesc, serverStream)
				_ = stream.send(strings.Repeat("x", n))
				stream.drain()
				_ = stream.recv()
				stream.closeSend()
			}
		},
	},
	{
		name: "both directions of a bidirectional stream are independent",
		server: serving(func(s *recorder) *service {
			return &service{recorder: s, bidi: func(end *serverEnd) error {
				for i := range 3 {
					if err := end.send(fmt.Sprint("unasked ", i)); err != nil {
						return err
					}
				}
				n, err := end.drain()
				if err != nil {
					return err
				}
				return end.send(fmt.Sprint(n))
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			for range 3 {
				_ = stream.recv()
			}
			_ = stream.send("a")
			_ = stream.send("b")
			stream.closeSend()
			stream.drain()
		},
	},
	{
		name: "one goroutine may send while another receives and a third waits for the header",
		client: func(ctx context.Context, s *recorder) {
			const n = 2000
			stream := s.stream(ctx, bidiDesc, bidi)
			header := make(chan error)
			go func() {
				_, err := stream.Header()
				header <- err
			}()
			go func() {
				for i := range n {
					if err := stream.SendMsg(wrapperspb.String(fmt.Sprint(i))); err != nil {
						s.Errorf("sending %d: %v", i, err)
					}
				}
				_ = stream.CloseSend()
			}()
			inOrder := 0
			for {
				in := new(wrapperspb.StringValue)
				if err := stream.RecvMsg(in); err != nil {
					s.clientSaw("%d in order, then %s", inOrder, outcome(err))
					break
				}
				if in.GetValue() == fmt.Sprint(inOrder) {
					inOrder++
				}
			}
			s.clientSaw("header: %s", outcome(<-header))
		},
	},
	{
		name: "many calls and streams at a time get their own answers",
		client: func(ctx context.Context, s *recorder) {
			const clients, calls = 32, 20
			wrong := make(chan error, clients)
			for c := range clients {
				go func() {
					wrong <- func() error {
						stream, err := s.conn.NewStream(ctx, bidiDesc, bidi)
						if err != nil {
							return err
						}
						for i := range calls {
							want := fmt.Sprintf("%d of %d", i, c)
							for _, exchange := range []func(in, out any) error{
								func(in, out any) error { return s.conn.Invoke(ctx, unary, in, out) },
								func(in, out any) error {
									if err := stream.SendMsg(in); err != nil {
										return err
									}
									return stream.RecvMsg(out)
								},
							} {
								out := new(wrapperspb.StringValue)
								if err := exchange(wrapperspb.String(want), out); err != nil || out.GetValue() != want {
									return fmt.Errorf("sent %q, got %q, %w", want, out.GetValue(), err)
								}
							}
						}
						if err := stream.CloseSend(); err != nil {
							return err
						}
						if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
							return fmt.Errorf("at the end: %w", err)
						}
						return nil
					}()
				}()
			}
			good := 0
			for range clients {
				if err := <-wrong; err != nil {
					s.Error(err)
				} else {
					good++
				}
			}
			s.clientSaw("%d clients", good)
		},
	},
}

// endAfter returns a handler that receives n requests, or all if n is
// negative, sends m responses and returns err.
func endAfter(n, m int, err error) func(*serverEnd) error {
	return func(end *serverEnd) error {
		for i := 0; i != n; i++ {
			if _, recvErr := end.recv(); errors.Is(recvErr, io.EOF) {
				break
			} else if recvErr != nil {
				return recvErr
			}
		}
		for i := range m {
			if sendErr := end.send(fmt.Sprint(i)); sendErr != nil {
				return sendErr
			}
		}
		return err
	}
}

var errTold = status.Error(codes.Aborted, "as told")

// ending returns a service whose streams all end in the same way.
func ending(n, m int, err error) func(*recorder) transport.ServerConfig {
	return serving(func(s *recorder) *service {
		f := endAfter(n, m, err)
		return &service{recorder: s, clientStream: f, serverStream: f, bidi: f}
	})
}

var streamEndScenarios = []scenario{
	{
		name:   "a client stream needs one response",
		server: ending(-1, 0, nil),
		client: closeAndReceive(clientStreamDesc, clientStream),
	},
	{
		name:   "a client stream has no second response",
		server: serving(func(*recorder) *service { return &service{clientStream: endAfter(-1, 2, nil)} }),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, clientStreamDesc, clientStream)
			stream.closeSend()
			_ = stream.recv()
		},
	},
	{
		name:   "an error after the response of a client stream is delivered",
		server: ending(-1, 1, errTold),
		client: closeAndReceive(clientStreamDesc, clientStream),
	},
	{
		name:   "a server stream needs a request",
		server: ending(1, 1, nil),
		client: closeAndReceive(serverStreamDesc, serverStream),
	},
	{
		name:   "a server stream takes one request",
		server: ending(1, 1, nil),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, serverStream) // the client expects another kind
			_ = stream.SendMsg(wrapperspb.String("first"))
			_ = stream.SendMsg(wrapperspb.String("second"))
			stream.drain()
		},
	},
	{
		name:   "a bidirectional stream may end before anything was said",
		server: ending(0, 0, nil),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.header()
			stream.drain()
			_ = stream.send("late")
			stream.closeSend()
			_ = stream.recv()
			stream.trailer()
		},
	},
	{
		name:   "a client that sends to a stream that has failed is told EOF, then the status",
		server: ending(1, 0, errTold),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, clientStreamDesc, clientStream)
			_ = stream.send("first")
			for stream.SendMsg(wrapperspb.String("more")) == nil {
				// Until the client has received the end.
			}
			_ = stream.send("late")
			_ = stream.recv()
			_ = stream.recv()
		},
	},
	{
		name: "nothing can be sent after the last message",
		server: serving(func(*recorder) *service {
			untilCancelled := func(end *serverEnd) error {
				_, err := end.drain()
				<-end.Context().Done()
				return err
			}
			return &service{serverStream: untilCancelled, bidi: endAfter(-1, 0, nil), clientStream: untilCancelled}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, clientStreamDesc, clientStream)
			stream.closeSend()
			_ = stream.send("late")
			_ = stream.send("again")
			stream.closeSend()
			_ = stream.recv()
			stream = s.stream(ctx, serverStreamDesc, serverStream)
			_ = stream.send("only one is due")
			_ = stream.send("second")
			_ = stream.recv()
			stream = s.stream(ctx, bidiDesc, bidi)
			stream.closeSend()
			_ = stream.recv()
			_ = stream.send("after the end")
			_ = stream.recv()
		},
	},
	{
		name:   "what was sent before the status is read before it",
		server: ending(1, 3, errTold),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.send("x")
			stream.drain()
			stream.drain()
			stream.trailer()
		},
	},
	{
		name: "what a handler left behind cannot use its stream any more",
		server: serving(func(s *recorder) *service {
			return &service{bidi: func(end *serverEnd) error {
				go func() {
					defer s.mark("tried")
					<-end.Context().Done()
					_, err := end.recv()
					s.serverSaw("receive: %s", outcome(err))
					s.serverSaw("send: %s", codeAfterClose(end.SendMsg(wrapperspb.String("x"))))
					s.serverSaw("set header: %s", outcome(end.SetHeader(metadata.Pairs("k", "v"))))
					s.serverSaw("send header: %s", codeAfterClose(end.SendHeader(nil)))
					end.SetTrailer(metadata.Pairs("k", "v"))
					s.serverSaw("set trailer: %s", outcome(grpc.SetTrailer(end.Context(), metadata.Pairs("k", "v"))))
				}()
				return nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.drain()
			s.await("tried")
			stream.trailer()
		},
	},
	{
		name: "a handler that fails to receive or to send has ended its stream",
		server: serving(func(s *recorder) *service {
			return &service{recorder: s, bidi: func(end *serverEnd) error {
				s.serverSaw("send: %s", outcome(end.SendMsg("not a message")))
				_, _ = end.recv()
				s.serverSaw("send: %s", codeAfterClose(end.SendMsg(wrapperspb.String("x"))))
				return status.Error(codes.AlreadyExists, "too late")
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.drain()
		},
	},
	{
		name:   "a client that cannot decode a response has ended its stream",
		server: serving(func(*recorder) *service { return &service{bidi: endAfter(1, 2, nil)} }),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi, grpc.MaxCallRecvMsgSize(1))
			_ = stream.send("x")
			_ = stream.recv()
			_ = stream.send("late")
			s.clientSaw("the context has ended: %v", stream.Context().Err())
		},
	},
}

// closeAndReceive returns a client that sends nothing and reads to the end.
func closeAndReceive(desc *grpc.StreamDesc, method string) func(context.Context, *recorder) {
	return func(ctx context.Context, s *recorder) {
		stream := s.stream(ctx, desc, method)
		stream.closeSend()
		stream.drain()
		_ = stream.recv()
		stream.trailer()
	}
}
