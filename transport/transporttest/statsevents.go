package transporttest

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// events is a stats handler that records its events.
type events struct {
	recorder *recorder
	name     string
}

func (e events) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	e.recorder.serverSaw("%stag %s, fail fast %t, on connection %v", e.name, info.FullMethodName, info.FailFast, ctx.Value(connKey{}))
	return context.WithValue(ctx, contextKey{}, e.name+info.FullMethodName)
}

func (e events) HandleRPC(ctx context.Context, event stats.RPCStats) {
	e.recorder.serverSaw("%s%s, tagged %v", e.name, formatEvent(event), ctx.Value(contextKey{}))
}

type connKey struct{}

func (e events) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	e.recorder.serverSaw("%stag connection, addresses %t %t", e.name, info.RemoteAddr != nil, info.LocalAddr != nil)
	return context.WithValue(ctx, connKey{}, e.name+"tagged")
}

func (e events) HandleConn(ctx context.Context, event stats.ConnStats) {
	e.recorder.serverSaw("%s%T, client %t, tagged %v", e.name, event, event.IsClient(), ctx.Value(connKey{}))
	if _, ok := event.(*stats.ConnBegin); ok {
		e.recorder.mark("connected")
	}
}

func formatEvent(event stats.RPCStats) string {
	text := fmt.Sprintf("%T", event)
	if event.IsClient() {
		text += " of a client"
	}
	switch e := event.(type) {
	case *stats.InHeader:
		return fmt.Sprintf("%s %s %s, addresses %t %t, compression %q", text, e.FullMethod, formatMetadata(e.Header),
			e.RemoteAddr != nil, e.LocalAddr != nil, e.Compression)
	case *stats.Begin:
		return fmt.Sprintf("%s, time %t, client streams %t, server streams %t", text, !e.BeginTime.IsZero(), e.IsClientStream, e.IsServerStream)
	case *stats.InPayload:
		return fmt.Sprintf("%s %v, %d bytes, %d on the wire, %d compressed, time %t",
			text, describePayload(e.Payload), e.Length, e.WireLength, e.CompressedLength, !e.RecvTime.IsZero())
	case *stats.OutHeader:
		return fmt.Sprintf("%s %s, compression %q", text, formatMetadata(e.Header), e.Compression)
	case *stats.OutPayload:
		return fmt.Sprintf("%s %v, %d bytes, %d on the wire, %d compressed, time %t",
			text, describePayload(e.Payload), e.Length, e.WireLength, e.CompressedLength, !e.SentTime.IsZero())
	case *stats.OutTrailer:
		return fmt.Sprintf("%s %s", text, formatMetadata(e.Trailer))
	case *stats.End:
		return fmt.Sprintf("%s %s, times in order %t", text, outcome(e.Error), !e.BeginTime.IsZero() && !e.EndTime.Before(e.BeginTime))
	}
	return text
}

func describePayload(m any) string {
	if s, ok := m.(fmt.Stringer); ok {
		return brief(s.String())
	}
	return fmt.Sprintf("%T", m)
}

// observed returns a server with stats handlers. Interceptors and handlers
// record the values that the stats handlers put into the context.
func observed(names ...string) func(*recorder) transport.ServerConfig {
	return func(s *recorder) transport.ServerConfig {
		svc := scripted(s)
		server := transport.ServerConfig{
			Register: svc.register,
			UnaryInterceptors: []grpc.UnaryServerInterceptor{
				func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
					s.serverSaw("interceptor, tagged %v %v", ctx.Value(contextKey{}), ctx.Value(connKey{}))
					return handler(ctx, req)
				},
			},
			StreamInterceptors: []grpc.StreamServerInterceptor{
				func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
					s.serverSaw("interceptor, tagged %v %v", stream.Context().Value(contextKey{}), stream.Context().Value(connKey{}))
					return handler(srv, stream)
				},
			},
		}
		for _, name := range names {
			server.StatsHandlers = append(server.StatsHandlers, events{s, name})
		}
		return server
	}
}

var statsScenarios = []scenario{
	{
		name:   "unary calls, one after the other",
		server: observed(""),
		client: func(ctx context.Context, s *recorder) {
			for i, script := range []string{
				"", "set-header set-trailer", "send-header", "fail", "set-header set-trailer fail", "set-reserved",
			} {
				_ = s.invoke(metadata.AppendToOutgoingContext(ctx, "k", "v"), script)
				s.awaitServer(ctx, i+1, "*stats.End")
			}
		},
	},
	{
		name:   "streams, one after the other",
		server: observed(""),
		client: func(ctx context.Context, s *recorder) {
			for i, script := range []string{
				"", "send", "set-header send set-trailer", "send-header fail", "send fail", "set-header set-trailer fail",
			} {
				for j, kind := range []struct {
					method string
					desc   *grpc.StreamDesc
				}{{clientStream, clientStreamDesc}, {serverStream, serverStreamDesc}, {bidi, bidiDesc}} {
					stream := s.stream(ctx, kind.desc, kind.method)
					_ = stream.send(script)
					stream.closeSend()
					stream.drain()
					s.awaitServer(ctx, 3*i+j+1, "*stats.End")
				}
			}
		},
	},
	{
		name:   "calls that come to nothing",
		server: observed(""),
		client: func(ctx context.Context, s *recorder) {
			s.clientSaw("unknown: %s", outcome(s.conn.Invoke(ctx, "/un/known", nil, nil)))
			s.awaitServer(ctx, 1, "*stats.OutTrailer")
			s.clientSaw("not a string: %s", outcome(s.conn.Invoke(ctx, unary, wrapperspb.Bytes([]byte(notUTF8)), nil)))
			s.awaitServer(ctx, 1, "*stats.End")
			_ = s.invoke(metadata.AppendToOutgoingContext(ctx, "a b", "x"), "not made")
		},
	},
	{
		name:   "two handlers, one after the other for each event",
		server: observed("first: ", "second: "),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "set-header")
			s.awaitServer(ctx, 1, "second: *stats.End")
		},
	},
}
