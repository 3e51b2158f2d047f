package transporttest

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// ofSize returns a text whose message has size bytes, for sizes from 131 to
// 16 Ki.
func ofSize(size int) string { return strings.Repeat("x", size-3) }

// sized returns a service whose response has the number of bytes that the
// request names, or 1000.
func sized(s *recorder) *service {
	size := func(text string) string {
		n := 1000
		_, _ = fmt.Sscanf(text, "%d", &n)
		return strings.Repeat("x", n-3)
	}
	answer := func(end *serverEnd) error {
		text, err := end.recv()
		if err != nil {
			return err
		}
		if err := end.send("small"); err != nil {
			return err
		}
		return end.send(size(text))
	}
	return &service{
		unary: func(_ context.Context, text string) (string, error) {
			s.serverSaw("called")
			return size(text), nil
		},
		bidi:         answer,
		serverStream: answer,
	}
}

func limited(recv, send int) func(*recorder) transport.ServerConfig {
	return func(s *recorder) transport.ServerConfig {
		return transport.ServerConfig{Register: sized(s).register, MaxRecvMsgSize: recv, MaxSendMsgSize: send}
	}
}

// exchange sends text as a unary request and on streams.
func exchange(ctx context.Context, s *recorder, text string, opts ...grpc.CallOption) {
	_ = s.invoke(ctx, text, opts...)
	stream := s.stream(ctx, bidiDesc, bidi, opts...)
	if stream.send(text) == nil {
		stream.drain()
		return
	}
	_ = stream.recv()
	stream.trailer()
}

var limitScenarios = []scenario{
	{
		name:   "the server refuses larger requests than it was told to accept",
		server: limited(1000, 0),
		client: func(ctx context.Context, s *recorder) {
			exchange(ctx, s, ofSize(1000))
			exchange(ctx, s, ofSize(1001))
		},
	},
	{
		name:   "the server does not send larger responses than it was told to, and the client accepts those",
		server: limited(0, 1000),
		client: func(ctx context.Context, s *recorder) {
			exchange(ctx, s, "1000")
			exchange(ctx, s, "1001")
		},
	},
	{
		name:   "a larger limit than the default holds for both sides",
		server: limited(6<<20, 6<<20),
		client: func(ctx context.Context, s *recorder) {
			exchange(ctx, s, "5000000")
			exchange(ctx, s, strings.Repeat("x", 5<<20))
		},
	},
	{
		name:   "4 MiB are accepted by default, on both sides",
		server: limited(0, 0),
		client: func(ctx context.Context, s *recorder) {
			const most = 4 << 20
			exchange(ctx, s, strings.Repeat("x", most-5))
			exchange(ctx, s, strings.Repeat("x", most-4))
			exchange(ctx, s, fmt.Sprint(most-2)) // the length has two bytes more than that of 1000
			exchange(ctx, s, fmt.Sprint(most-1))
		},
	},
	{
		name:   "a call may set limits of its own",
		server: limited(0, 0),
		client: func(ctx context.Context, s *recorder) {
			exchange(ctx, s, "1000", grpc.MaxCallRecvMsgSize(1000))
			exchange(ctx, s, "1001", grpc.MaxCallRecvMsgSize(1000))
			exchange(ctx, s, ofSize(1000), grpc.MaxCallSendMsgSize(1000))
			exchange(ctx, s, ofSize(1001), grpc.MaxCallSendMsgSize(1000))
			exchange(ctx, s, "", grpc.MaxCallSendMsgSize(0))
			exchange(ctx, s, "5000000", grpc.MaxCallRecvMsgSize(6<<20))
		},
	},
	{
		name:   "the last of several limits counts, and a call's own before the connection's",
		server: limited(0, 2000),
		client: func(ctx context.Context, s *recorder) {
			exchange(ctx, s, "1500")
			exchange(ctx, s, "1500", grpc.MaxCallRecvMsgSize(1000))
			exchange(ctx, s, "1500", grpc.MaxCallRecvMsgSize(1000), grpc.MaxCallRecvMsgSize(1600))
		},
	},
	{
		name: "a server goes on sending as its client reads",
		server: serving(func(s *recorder) *service {
			return &service{serverStream: func(end *serverEnd) error {
				if _, err := end.recv(); err != nil {
					return err
				}
				for i := range 1000 {
					if err := end.send(strings.Repeat("x", i)); err != nil {
						return err
					}
				}
				s.mark("all sent")
				return nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, serverStreamDesc, serverStream)
			_ = stream.send("x")
			stream.header()
			stream.drain()
			s.await("all sent")
		},
	},
	{
		name: "a sender waits when much is unread, and goes on when it is read",
		server: serving(func(s *recorder) *service {
			return &service{bidi: func(end *serverEnd) error {
				<-s.marked("read")
				n, err := end.drain()
				s.serverSaw("received %d", n)
				return err
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			const messages, size = 4000, 1000
			stream := s.stream(ctx, bidiDesc, bidi)
			sent := make(chan int, messages)
			go func() {
				defer close(sent)
				for i := range messages {
					if err := stream.SendMsg(wrapperspb.String(strings.Repeat("x", size))); err != nil {
						s.Errorf("message %d: %v", i, err)
						return
					}
					sent <- i
				}
			}()
			ahead := countUntilQuiet(ctx, sent, 60_000/size)
			s.clientSaw("at least 60 kB went ahead %t, all of it did %t", ahead*size >= 60_000, ahead == messages)
			s.mark("read")
			for range sent {
				ahead++
			}
			s.clientSaw("%d sent", ahead)
			stream.closeSend()
			stream.drain()
		},
	},
}
