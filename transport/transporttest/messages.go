package transporttest

import (
	"context"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// notUTF8 cannot be part of a string field.
const notUTF8 = "not\xff8"

var messageScenarios = []scenario{
	{
		name: "unary messages of many sizes come back as they were sent",
		client: func(ctx context.Context, s *recorder) {
			for _, size := range []int{0, 1, 127, 1024, 1025, 64 << 10, 1 << 20, 3 << 20} {
				text := strings.Repeat("é", size/2) + strings.Repeat("x", size%2)
				reply := new(wrapperspb.StringValue)
				err := s.conn.Invoke(ctx, unary, wrapperspb.String(text), reply)
				s.clientSaw("%d bytes: same %t, %s", size, reply.GetValue() == text, outcome(err))
			}
		},
	},
	{
		name: "a stream's messages keep their order and their size",
		server: serving(func(s *recorder) *service {
			return &service{recorder: s}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			for _, size := range []int{0, 1, 5, 70 << 10, 0, 1 << 20, 3} {
				_ = stream.send(strings.Repeat("x", size))
				_ = stream.recv()
			}
			stream.closeSend()
			stream.drain()
		},
	},
	{
		name: "a nil request is an empty message",
		client: func(ctx context.Context, s *recorder) {
			reply := wrapperspb.String("kept only if nothing is received")
			err := s.conn.Invoke(ctx, unary, nil, reply)
			s.clientSaw("untyped: %q, %s", reply.GetValue(), outcome(err))
			err = s.conn.Invoke(ctx, unary, (*wrapperspb.StringValue)(nil), reply)
			s.clientSaw("typed: %q, %s", reply.GetValue(), outcome(err))
		},
	},
	{
		name: "a nil response is an empty message",
		server: serving(func(*recorder) *service {
			return &service{reply: func(_ context.Context, text string) (proto.Message, error) {
				if text == "typed" {
					return (*wrapperspb.StringValue)(nil), nil
				}
				return nil, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "untyped")
			_ = s.invoke(ctx, "typed")
		},
	},
	{
		name: "a reply is replaced, not merged into, and left alone after an error",
		server: serving(func(*recorder) *service {
			return &service{reply: func(_ context.Context, text string) (proto.Message, error) {
				if text == "fail" {
					return nil, context.Canceled
				}
				return structpb.NewListValue(&structpb.ListValue{}).GetListValue(), nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, text := range []string{"succeed", "fail"} {
				reply := &structpb.ListValue{Values: []*structpb.Value{structpb.NewNullValue()}}
				err := s.conn.Invoke(ctx, unary, wrapperspb.String(text), reply)
				s.clientSaw("%s: %d values left, %s", text, len(reply.GetValues()), outcome(err))
			}
		},
	},
	{
		name: "a request that cannot be encoded is an internal error, and no call",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(context.Context, string) (string, error) {
				s.serverSaw("called")
				return "", nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, notUTF8)
			err := s.conn.Invoke(ctx, unary, "not a message", new(wrapperspb.StringValue))
			s.clientSaw("a string: %s", outcome(err))
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.send(notUTF8)
			_ = stream.send("more")
			_ = stream.recv()
		},
	},
	{
		name: "a response that cannot be encoded is an internal error",
		server: serving(func(s *recorder) *service {
			return &service{
				unary:        func(context.Context, string) (string, error) { return notUTF8, nil },
				serverStream: func(end *serverEnd) error { _, _ = end.drain(); return end.send(notUTF8) },
				bidi: func(end *serverEnd) error {
					_ = end.send(notUTF8)
					return nil // without effect: the stream has failed
				},
				recorder: s,
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x")
			stream := s.stream(ctx, serverStreamDesc, serverStream)
			_ = stream.send("x")
			stream.drain()
			s.stream(ctx, bidiDesc, bidi).drain()
		},
	},
	{
		name: "client and server may use different types of one wire format",
		server: serving(func(s *recorder) *service {
			return &service{
				request: func() proto.Message { return new(wrapperspb.BytesValue) },
				reply: func(context.Context, string) (proto.Message, error) {
					return wrapperspb.Bytes([]byte("as bytes")), nil
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) { _ = s.invoke(ctx, "as string") },
	},
	{
		name: "bytes that are not the message expected are an internal error",
		server: serving(func(s *recorder) *service {
			return &service{reply: func(context.Context, string) (proto.Message, error) {
				return wrapperspb.Bytes([]byte(notUTF8)), nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "the client cannot decode the response")
			err := s.conn.Invoke(ctx, unary, wrapperspb.Bytes([]byte(notUTF8)), new(wrapperspb.StringValue))
			s.clientSaw("the server cannot decode the request: %s", outcome(err))
			stream := s.stream(ctx, bidiDesc, bidi)
			s.clientSaw("send bytes: %s", outcome(stream.SendMsg(wrapperspb.Bytes([]byte(notUTF8)))))
			stream.drain()
		},
	},
	{
		name: "unknown fields survive both ways",
		server: serving(func(s *recorder) *service {
			return &service{
				request: func() proto.Message { return new(wrapperspb.BoolValue) },
				reply: func(context.Context, string) (proto.Message, error) {
					reply := wrapperspb.String("known")
					reply.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7))
					return reply, nil
				},
			}
		}),
		client: func(ctx context.Context, s *recorder) {
			request, reply := wrapperspb.Bool(true), new(wrapperspb.StringValue)
			request.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 98, protowire.VarintType), 7))
			err := s.conn.Invoke(ctx, unary, request, reply)
			s.clientSaw("%q %x, %s", reply.GetValue(), reply.ProtoReflect().GetUnknown(), outcome(err))
		},
	},
}
