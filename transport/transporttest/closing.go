package transporttest

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// shortDrain is the DrainTimeout of scenarios that let it pass. A transport
// may wait as long again for cancelled handlers to return, which takes some
// time on a busy machine.
const shortDrain = 250 * time.Millisecond

// blockingServer returns a server whose handlers block until the mark
// "released" or, if untilReleased is false, until their context ends.
func blockingServer(untilReleased bool, drain time.Duration) func(*recorder) transport.ServerConfig {
	return func(s *recorder) transport.ServerConfig {
		hold := func(ctx context.Context) error {
			s.mark("called")
			if untilReleased {
				<-s.marked("released")
				return nil
			}
			<-ctx.Done()
			s.serverSaw("context: %v", ctx.Err())
			return ctx.Err()
		}
		svc := &service{
			unary: func(ctx context.Context, text string) (string, error) { return text, hold(ctx) },
			bidi: func(end *serverEnd) error {
				if err := end.send("begun"); err != nil {
					return err
				}
				return hold(end.Context())
			},
		}
		return transport.ServerConfig{Register: svc.register, DrainTimeout: drain}
	}
}

func (s *recorder) closeConn() <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := s.conn.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	}()
	return closed
}

// refused waits until new calls are refused, and reports whether the code is
// one of those allowed.
func (s *recorder) refused(ctx context.Context) bool {
	for {
		// The request cannot be encoded, so no call is ever made.
		err := s.conn.Invoke(ctx, unary, wrapperspb.String(notUTF8), new(wrapperspb.StringValue))
		switch status.Code(err) {
		case codes.Internal: // not yet
			time.Sleep(time.Millisecond)
		default:
			return codeAfterClose(err) == "closed"
		}
	}
}

var closeScenarios = []scenario{
	{
		name:   "closing waits for calls in flight, and refuses others",
		server: blockingServer(true, scenarioTimeout),
		client: func(ctx context.Context, s *recorder) {
			var calls sync.WaitGroup
			calls.Go(func() { _ = s.invoke(ctx, "x") })
			s.await("called")
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.recv()
			closed := s.closeConn()
			refused := s.refused(ctx)
			s.mark("released")
			calls.Wait()
			<-closed
			stream.drain()
			s.clientSaw("refused %t", refused)
		},
	},
	{
		name:   "closing cancels what takes too long",
		server: blockingServer(false, shortDrain),
		client: func(ctx context.Context, s *recorder) {
			var calls sync.WaitGroup
			calls.Go(func() {
				s.clientSaw("call: %s", codeAfterClose(s.conn.Invoke(ctx, unary, wrapperspb.String("x"), new(wrapperspb.StringValue))))
			})
			s.await("called")
			closed := s.closeConn()
			calls.Wait()
			<-closed
		},
	},
	{
		name:   "closing cancels streams that take too long",
		server: blockingServer(false, shortDrain),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.recv()
			closed := s.closeConn()
			s.clientSaw("receive: %s", codeAfterClose(stream.RecvMsg(new(wrapperspb.StringValue))))
			<-closed
		},
	},
	{
		name: "calls after closing fail, and closing again does nothing",
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x")
			<-s.closeConn()
			s.clientSaw("call: %s", codeAfterClose(s.conn.Invoke(ctx, unary, nil, new(wrapperspb.StringValue))))
			_, err := s.conn.NewStream(ctx, bidiDesc, bidi)
			s.clientSaw("stream: %s", codeAfterClose(err))
			s.clientSaw("again: %v", s.conn.Close())
		},
	},
	{
		name: "an unused connection closes",
		client: func(_ context.Context, s *recorder) {
			<-s.closeConn()
			s.clientSaw("closed")
		},
	},
}

// isolationScenarios detect shared memory, under the race detector or when a
// message arrives that was changed after it was sent.
var isolationScenarios = []scenario{
	{
		name: "a request may be changed as soon as Invoke returns, also after a cancellation",
		server: serving(func(s *recorder) *service {
			return &service{reply: func(ctx context.Context, text string) (proto.Message, error) {
				if text != strings.Repeat("x", len(text)) {
					s.serverSaw("the request was changed: %s", brief(text))
				}
				return nil, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			request := new(wrapperspb.StringValue)
			for i := range 200 {
				request.Value = strings.Repeat("x", 1+i*50)
				ctx, cancel := context.WithCancel(ctx)
				if i%2 == 0 {
					go cancel()
				}
				_ = s.conn.Invoke(ctx, unary, request, new(wrapperspb.StringValue))
				request.Value = "changed"
				cancel()
			}
			s.clientSaw("done")
		},
	},
	{
		name: "a request may be changed as soon as SendMsg returns",
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			request, reply := new(wrapperspb.StringValue), new(wrapperspb.StringValue)
			wrong := 0
			for i := range 200 {
				request.Value = strings.Repeat("x", i*50)
				if err := stream.SendMsg(request); err != nil {
					s.Error(err)
				}
				request.Value = "changed"
				if err := stream.RecvMsg(reply); err != nil || len(reply.GetValue()) != i*50 {
					wrong++
				}
				reply.Value = "changed"
			}
			stream.closeSend()
			stream.drain()
			s.clientSaw("%d wrong", wrong)
		},
	},
	{
		name: "a handler may keep its request and its response, and change them later",
		server: serving(func(s *recorder) *service {
			kept := wrapperspb.String("")
			var mu sync.Mutex
			return &service{reply: func(_ context.Context, text string) (proto.Message, error) {
				mu.Lock()
				defer mu.Unlock()
				reply := wrapperspb.String(text)
				kept.Value = "changed" // the previous response
				kept = reply
				return reply, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			wrong := 0
			for i := range 100 {
				text := strings.Repeat("x", i)
				reply := new(wrapperspb.StringValue)
				if err := s.conn.Invoke(ctx, unary, wrapperspb.String(text), reply); err != nil || reply.GetValue() != text {
					wrong++
				}
				reply.Value = "changed by the client"
			}
			s.clientSaw("%d wrong", wrong)
		},
	},
	{
		name: "metadata may be changed by either side once it is sent",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				s.mark("called")
				if text == "wait" {
					<-s.marked("changed")
				}
				md, _ := metadata.FromIncomingContext(ctx)
				s.serverSaw("metadata %s", formatMetadata(md))
				header := metadata.Pairs("k", "v")
				err := grpc.SetHeader(ctx, header)
				header["k"][0] = "changed"
				return text, err
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			// metadata.NewOutgoingContext forbids this change, but a
			// transport must define its effect on earlier calls.
			md := metadata.Pairs("k", "v")
			var header metadata.MD
			done := make(chan error)
			go func() {
				done <- s.conn.Invoke(metadata.NewOutgoingContext(ctx, md), unary, wrapperspb.String("wait"),
					new(wrapperspb.StringValue), grpc.Header(&header))
			}()
			s.await("called")
			md["k"][0] = "changed"
			s.mark("changed")
			s.clientSaw("%s, header %s", outcome(<-done), formatMetadata(header))
			header["k"][0] = "changed by the client"
		},
	},
}

// leftoverScenarios test that everything is released when the connection is
// closed, which every scenario checks.
var leftoverScenarios = []scenario{
	{
		name:   "a stream that its client abandons",
		server: blockingServer(false, shortDrain),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(context.WithoutCancel(ctx), bidiDesc, bidi)
			_ = stream.recv()
		},
	},
	{
		name: "a client that stops reading",
		server: func(s *recorder) transport.ServerConfig {
			svc := &service{bidi: func(end *serverEnd) error {
				for {
					if err := end.SendMsg(wrapperspb.String(strings.Repeat("x", 1000))); err != nil {
						s.serverSaw("sending failed: %s", codeAfterClose(err))
						return err
					}
				}
			}}
			return transport.ServerConfig{Register: svc.register, DrainTimeout: shortDrain}
		},
		client: func(ctx context.Context, s *recorder) {
			ctx, cancel := context.WithCancel(ctx)
			_ = s.stream(ctx, bidiDesc, bidi).SendMsg(nil)
			stream := s.stream(context.WithoutCancel(ctx), bidiDesc, bidi)
			s.clientSaw("receive: %s", outcome(stream.RecvMsg(new(wrapperspb.StringValue))))
			cancel()
		},
	},
	{
		name: "a handler that stops reading",
		server: func(s *recorder) transport.ServerConfig {
			svc := &service{bidi: func(end *serverEnd) error {
				s.mark("called")
				<-end.Context().Done()
				return nil
			}}
			return transport.ServerConfig{Register: svc.register}
		},
		client: func(ctx context.Context, s *recorder) {
			ctx, cancel := context.WithCancel(ctx)
			stream := s.stream(ctx, bidiDesc, bidi)
			go func() {
				s.await("called")
				time.Sleep(20 * time.Millisecond) // until the sender waits
				cancel()
			}()
			for {
				if err := stream.SendMsg(wrapperspb.String(strings.Repeat("x", 1000))); err != nil {
					s.clientSaw("sending failed: %s", outcome(err))
					break
				}
			}
			_ = stream.recv()
		},
	},
	{
		name:   "a handler that ignores its context for a while",
		server: blockingServer(true, scenarioTimeout),
		client: func(ctx context.Context, s *recorder) {
			cancellable, cancel := context.WithCancel(ctx)
			go func() {
				s.await("called")
				cancel()
			}()
			s.clientSaw("call: %s", code(s.conn.Invoke(cancellable, unary, nil, new(wrapperspb.StringValue))))
			closed := s.closeConn()
			select {
			case <-closed:
				s.Error("closed before the handler had returned")
			case <-time.After(20 * time.Millisecond):
			}
			s.mark("released")
			<-closed
		},
	},
	{
		name: "a panic that an interceptor recovers from",
		server: func(s *recorder) transport.ServerConfig {
			recovered := func(err *error) {
				if r := recover(); r != nil {
					s.serverSaw("recovered from %v", r)
					*err = status.Error(codes.Internal, "recovered")
				}
			}
			svc := &service{
				unary: func(context.Context, string) (string, error) { panic("unary") },
				bidi: func(end *serverEnd) error {
					_ = end.send("before")
					panic("stream")
				},
			}
			return transport.ServerConfig{
				Register: svc.register,
				UnaryInterceptors: []grpc.UnaryServerInterceptor{
					func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
						defer recovered(&err)
						return handler(ctx, req)
					},
				},
				StreamInterceptors: []grpc.StreamServerInterceptor{
					func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
						defer recovered(&err)
						return handler(srv, stream)
					},
				},
			}
		},
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x")
			s.stream(ctx, bidiDesc, bidi).drain()
			_ = s.invoke(ctx, "y")
		},
	},
}
