package transporttest

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// named returns interceptors that record when they are entered and left.
func named(s *recorder, name string) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			_, isService := info.Server.(*service)
			s.serverSaw("%s: enter %s, server %t, request %T", name, info.FullMethod, isService, req)
			reply, err := handler(context.WithValue(ctx, contextKey{}, name), req)
			s.serverSaw("%s: leave with %T, %s", name, reply, outcome(err))
			return reply, err
		}, func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			_, isService := srv.(*service)
			s.serverSaw("%s: enter %s, server %t, client streams %t, server streams %t",
				name, info.FullMethod, isService, info.IsClientStream, info.IsServerStream)
			err := handler(srv, &countingStream{ServerStream: stream, recorder: s, name: name})
			s.serverSaw("%s: leave with %s", name, outcome(err))
			return err
		}
}

// A countingStream is the stream that an interceptor passes on. It records
// the messages.
type countingStream struct {
	grpc.ServerStream
	recorder *recorder
	name     string
}

func (c *countingStream) Context() context.Context {
	return context.WithValue(c.ServerStream.Context(), contextKey{}, c.name)
}

func (c *countingStream) SendMsg(m any) error {
	err := c.ServerStream.SendMsg(m)
	c.recorder.serverSaw("%s: sent, %s", c.name, outcome(err))
	return err
}

func (c *countingStream) RecvMsg(m any) error {
	err := c.ServerStream.RecvMsg(m)
	c.recorder.serverSaw("%s: received, %s", c.name, outcome(err))
	return err
}

func intercepted(names ...string) func(*recorder) transport.ServerConfig {
	return func(s *recorder) transport.ServerConfig {
		svc := &service{
			unary: func(ctx context.Context, text string) (string, error) {
				s.serverSaw("handler, inside %v", ctx.Value(contextKey{}))
				return text, handlerError(text)
			},
			bidi: func(end *serverEnd) error {
				s.serverSaw("handler, inside %v", end.Context().Value(contextKey{}))
				return end.echo()
			},
		}
		server := transport.ServerConfig{Register: svc.register}
		for _, name := range names {
			u, st := named(s, name)
			server.UnaryInterceptors = append(server.UnaryInterceptors, u)
			server.StreamInterceptors = append(server.StreamInterceptors, st)
		}
		return server
	}
}

var interceptorScenarios = []scenario{
	{
		name:   "one interceptor",
		server: intercepted("only"),
		client: sequentially("a status", "x"),
	},
	{
		name:   "several, the first one outermost",
		server: intercepted("first", "second", "third"),
		client: sequentially("a status", "x"),
	},
	{
		name:   "stream interceptors see streams, in the kind that the method is",
		server: intercepted("first", "second"),
		client: func(ctx context.Context, s *recorder) {
			for i, kind := range []struct {
				method string
				desc   *grpc.StreamDesc
			}{{clientStream, clientStreamDesc}, {serverStream, serverStreamDesc}, {bidi, bidiDesc}} {
				stream := s.stream(ctx, kind.desc, kind.method)
				_ = stream.send("x")
				stream.closeSend()
				stream.drain()
				s.awaitServer(ctx, i+1, "first: leave")
			}
		},
	},
	{
		name:   "a unary method runs unary interceptors, also through a stream",
		server: intercepted("first", "second"),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, unaryDesc, unary)
			_ = stream.send("a status")
			stream.drain()
		},
	},
	{
		name:   "no interceptor runs for a method that does not exist, or a request that cannot be decoded",
		server: intercepted("first"),
		client: func(ctx context.Context, s *recorder) {
			s.clientSaw("unknown: %s", outcome(s.conn.Invoke(ctx, "/un/known", nil, nil)))
			s.stream(ctx, bidiDesc, "/un/known").drain()
			s.clientSaw("not a string: %s", outcome(s.conn.Invoke(ctx, unary, wrapperspb.Bytes([]byte(notUTF8)), nil)))
		},
	},
	{
		name: "interceptors may answer themselves, change what passes, and call twice",
		server: func(s *recorder) transport.ServerConfig {
			svc := &service{unary: func(_ context.Context, text string) (string, error) {
				s.serverSaw("handler: %q", text)
				return "from the handler", nil
			}}
			return transport.ServerConfig{
				Register: svc.register,
				UnaryInterceptors: []grpc.UnaryServerInterceptor{
					func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
						switch req.(*wrapperspb.StringValue).GetValue() {
						case "answer":
							return wrapperspb.String("from the interceptor"), nil
						case "answer with bytes":
							return wrapperspb.Bytes([]byte("from the interceptor")), nil
						case "answer with nothing":
							return nil, nil
						case "answer with something else":
							return 42, nil
						case "refuse":
							return nil, errors.New("refused")
						case "both":
							return wrapperspb.String("dropped"), errors.New("refused")
						case "twice":
							_, _ = handler(ctx, wrapperspb.String("once"))
						case "header":
							_ = grpc.SetHeader(ctx, metadata.Pairs("from", "interceptor"))
						}
						return handler(ctx, wrapperspb.String("changed"))
					},
					func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
						s.serverSaw("second interceptor: %q", req.(*wrapperspb.StringValue).GetValue())
						return handler(ctx, req)
					},
				},
			}
		},
		client: func(ctx context.Context, s *recorder) {
			for _, text := range []string{
				"pass", "answer", "answer with bytes", "answer with nothing", "answer with something else",
				"refuse", "both", "twice", "header",
			} {
				var header metadata.MD
				_ = s.invoke(ctx, text, grpc.Header(&header))
				s.clientSaw("header %s", formatMetadata(header))
			}
		},
	},
	{
		name: "a stream interceptor may refuse without calling the handler",
		server: func(s *recorder) transport.ServerConfig {
			return transport.ServerConfig{
				Register: (&service{}).register,
				StreamInterceptors: []grpc.StreamServerInterceptor{
					func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error {
						s.serverSaw("refusing")
						return errTold
					},
				},
			}
		},
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.drain()
			stream = s.stream(ctx, clientStreamDesc, clientStream)
			stream.closeSend()
			stream.drain()
		},
	},
}

func sequentially(texts ...string) func(context.Context, *recorder) {
	return func(ctx context.Context, s *recorder) {
		for _, text := range texts {
			_ = s.invoke(ctx, text)
		}
	}
}
