package transporttest

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type contextKey struct{}

var contextScenarios = []scenario{
	{
		name: "the caller's values do not reach the handler, nor does the handler's context reach back",
		server: serving(func(s *recorder) *service {
			return &service{
				unary: func(ctx context.Context, text string) (string, error) {
					s.serverSaw("value %v", ctx.Value(contextKey{}))
					return text, nil
				},
				bidi: func(end *serverEnd) error {
					s.serverSaw("value %v", end.Context().Value(contextKey{}))
					return nil
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			ctx = context.WithValue(ctx, contextKey{}, "the caller's")
			_ = s.invoke(ctx, "x")
			stream := s.stream(ctx, bidiDesc, bidi)
			s.clientSaw("the client's stream has it: %v", stream.Context().Value(contextKey{}))
			stream.drain()
		},
	},
	{
		name: "the handler knows the deadline, if there is one",
		server: serving(func(s *recorder) *service {
			record := func(ctx context.Context) {
				deadline, ok := ctx.Deadline()
				s.serverSaw("deadline %t, in about an hour %t, error %v", ok,
					ok && time.Until(deadline) > 59*time.Minute && time.Until(deadline) <= time.Hour, ctx.Err())
			}
			return &service{
				unary: func(ctx context.Context, text string) (string, error) { record(ctx); return text, nil },
				bidi:  func(end *serverEnd) error { record(end.Context()); return nil },
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			hour, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			for _, ctx := range []context.Context{context.Background(), hour} {
				_ = s.invoke(ctx, "x")
				s.stream(ctx, bidiDesc, bidi).drain()
			}
		},
	},
	{
		name: "an ended context makes no call",
		server: serving(func(s *recorder) *service {
			return &service{
				unary: func(context.Context, string) (string, error) { s.serverSaw("called"); return "", nil },
				bidi:  func(*serverEnd) error { s.serverSaw("called"); return nil },
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			expired, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
			defer cancel()
			for _, ctx := range []context.Context{cancelled, expired} {
				_ = s.invoke(ctx, "x")
				s.stream(ctx, bidiDesc, bidi)
			}
		},
	},
	{
		name: "cancelling a unary call ends it and the handler's context",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				s.mark("called")
				<-ctx.Done()
				s.serverSaw("ended: %v, cause %v", ctx.Err(), context.Cause(ctx))
				return "", ctx.Err()
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			ctx, cancel := context.WithCancel(ctx)
			go func() {
				s.await("called")
				cancel()
			}()
			_ = s.invoke(ctx, "x")
		},
	},
	{
		name: "a client returns at its deadline although the handler ignores it",
		server: serving(func(s *recorder) *service {
			return &service{
				unary: func(ctx context.Context, text string) (string, error) {
					<-s.marked("released")
					return text, nil
				},
				bidi: func(end *serverEnd) error {
					<-s.marked("released")
					return nil
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			s.clientSaw("call: %s", code(s.conn.Invoke(soon, unary, nil, new(wrapperspb.StringValue))))
			soon, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			if stream := s.stream(soon, bidiDesc, bidi); stream != nil {
				s.clientSaw("receive: %s", code(stream.RecvMsg(new(wrapperspb.StringValue))))
			}
			s.mark("released")
		},
	},
	{
		name: "a handler's context ends with its return, and so do those made from it",
		server: serving(func(s *recorder) *service {
			derive := func(ctx context.Context) {
				timeout, cancel := context.WithTimeout(ctx, time.Hour)
				value := context.WithValue(ctx, contextKey{}, 1)
				s.serverSaw("before: %v %v %v", ctx.Err(), timeout.Err(), value.Err())
				context.AfterFunc(timeout, func() {
					defer cancel()
					s.mark("after")
				})
				go func() {
					<-value.Done()
					s.await("after")
					s.serverSaw("after: %v %v %v", ctx.Err(), timeout.Err(), value.Err())
					s.mark("recorded")
				}()
			}
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				derive(ctx)
				return text, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x")
			s.await("recorded")
		},
	},
	{
		name: "cancelling a stream ends the handler's context and what it waits for",
		server: serving(func(s *recorder) *service {
			return &service{bidi: func(end *serverEnd) error {
				_, err := end.recv()
				s.serverSaw("first: %s", outcome(err))
				_, err = end.recv()
				s.serverSaw("second: %s", outcome(err))
				<-end.Context().Done()
				s.serverSaw("context: %v", end.Context().Err())
				s.serverSaw("third: %s", codeAfterClose(end.SendMsg(nil)))
				return err
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			ctx, cancel := context.WithCancel(ctx)
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.send("x")
			s.awaitServer(ctx, 1, "first")
			cancel()
			_ = stream.recv()
			_ = stream.recv()
			_ = stream.send("late")
			<-stream.Context().Done()
			stream.header()
			stream.trailer()
		},
	},
	{
		name: "the context of a client's stream ends with the stream",
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.send("x")
			_ = stream.recv()
			s.clientSaw("during: %v", stream.Context().Err())
			stream.closeSend()
			_ = stream.recv()
			s.clientSaw("after: %v", stream.Context().Err())
		},
	},
	{
		name: "both sides know their peer",
		server: serving(func(s *recorder) *service {
			return &service{
				unary: func(ctx context.Context, text string) (string, error) {
					p, ok := peer.FromContext(ctx)
					s.serverSaw("peer %t: %s", ok, formatPeer(p))
					return text, nil
				},
				bidi: func(end *serverEnd) error {
					p, ok := peer.FromContext(end.Context())
					s.serverSaw("peer %t: %s", ok, formatPeer(p))
					return nil
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			var p peer.Peer
			_ = s.invoke(ctx, "x", grpc.Peer(&p))
			s.clientSaw("peer %s", formatPeer(&p))
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.drain()
			streamPeer, ok := peer.FromContext(stream.Context())
			s.clientSaw("peer %t: %s", ok, formatPeer(streamPeer))
		},
	},
	{
		name: "the handler knows the method",
		server: serving(func(s *recorder) *service {
			return &service{
				unary: func(ctx context.Context, text string) (string, error) {
					name, ok := grpc.Method(ctx)
					s.serverSaw("%s %t", name, ok)
					return text, nil
				},
				bidi: func(end *serverEnd) error {
					name, ok := grpc.MethodFromServerStream(end)
					s.serverSaw("%s %t", name, ok)
					return nil
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x")
			s.stream(ctx, bidiDesc, bidi).drain()
		},
	},
}

// formatPeer returns the properties of a peer that do not depend on the
// transport.
func formatPeer(p *peer.Peer) string {
	if p == nil {
		return "nil"
	}
	known := func(a interface{ Network() string }) bool { return a != nil && a.Network() != "" }
	auth := "none"
	if p.AuthInfo != nil {
		auth = p.AuthInfo.AuthType()
	}
	return fmt.Sprintf("address %t, local address %t, auth %s", known(p.Addr), known(p.LocalAddr), auth)
}
