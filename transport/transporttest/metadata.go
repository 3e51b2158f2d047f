package transporttest

import (
	"context"
	"fmt"

	"google.golang.org/grpc/metadata"
)

// recordMetadata returns a service that records the metadata of its calls.
func recordMetadata(s *recorder) *service {
	record := func(ctx context.Context) {
		md, ok := metadata.FromIncomingContext(ctx)
		s.serverSaw("metadata %s: %t", formatMetadata(md), ok)
	}
	return &service{
		unary: func(ctx context.Context, text string) (string, error) {
			record(ctx)
			return text, nil
		},
		bidi: func(end *serverEnd) error {
			record(end.Context())
			return end.echo()
		},
	}
}

var metadataScenarios = []scenario{
	{
		name:   "a call without metadata has what gRPC adds",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x")
			_ = s.invoke(metadata.NewOutgoingContext(ctx, nil), "x")
			_ = s.invoke(metadata.NewOutgoingContext(ctx, metadata.MD{"none": nil}), "x")
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.closeSend()
			stream.drain()
		},
	},
	{
		name:   "keys are in lower case, values keep their order and their bytes",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			ctx = metadata.NewOutgoingContext(ctx, metadata.Pairs(
				"Mixed-Case", "First", "mixed-case", "second", "empty", "", "spaces", "  a  b ",
				"data-bin", "\x00\xff,\n", "data-bin", "", "a_b.c-1", "~!,;=\"%"))
			ctx = metadata.AppendToOutgoingContext(ctx, "MIXED-case", "third", "later", "1")
			_ = s.invoke(ctx, "x")
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.closeSend()
			stream.drain()
		},
	},
	{
		name:   "what is reserved to gRPC cannot be set by the caller",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			each(`:authority :path :anything content-type user-agent te host grpc-message-type grpc-encoding
				grpc-message grpc-status grpc-timeout`, func(key string) {
				_ = s.invoke(metadata.AppendToOutgoingContext(ctx, key, "forged"), key)
				_ = s.invoke(metadata.NewOutgoingContext(ctx, metadata.Pairs(key, "forged")), key)
			})
		},
	},
	{
		name:   "what only looks reserved can",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			each(`grpc-accept-encoding grpc-previous-rpc-attempts grpc-retry-pushback-ms grpc-status-details-bin
				grpc-tags-bin grpc-trace-bin grpc-custom cookie authorization upgrade accept content-length`, func(key string) {
				_ = s.invoke(metadata.AppendToOutgoingContext(ctx, key, "1"), key)
			})
		},
	},
	{
		name:   "keys and values that cannot be sent are an internal error, and no call",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			for _, pair := range [][2]string{
				{"", "x"}, {"a b", "x"}, {"é", "x"}, {"a:b", "x"}, {"a/b", "x"},
				{"k", "é"}, {"k", "a\nb"}, {"k", "\x00"}, {"k", "\x7f"}, {"k", "a\tb"},
			} {
				_ = s.invoke(metadata.AppendToOutgoingContext(ctx, pair[0], pair[1]), fmt.Sprintf("%q", pair))
				_ = s.invoke(metadata.NewOutgoingContext(ctx, metadata.MD{pair[0]: {"good", pair[1]}}), fmt.Sprintf("%q", pair))
				s.stream(metadata.AppendToOutgoingContext(ctx, pair[0], pair[1]), bidiDesc, bidi)
			}
		},
	},
	{
		name:   "metadata that makes a request malformed is an internal error",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			s.clientSaw("connection: %s", code(s.conn.Invoke(metadata.AppendToOutgoingContext(ctx, "connection", "close"), unary, nil, nil)))
			s.clientSaw("two hosts: %s", code(s.conn.Invoke(metadata.AppendToOutgoingContext(ctx, "host", "a", "host", "b"), unary, nil, nil)))
		},
	},
	{
		name: "a handler's changes to its metadata are its own",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				for range 2 {
					md, _ := metadata.FromIncomingContext(ctx)
					s.serverSaw("metadata %s", formatMetadata(md))
					md["added"] = []string{"by the handler"}
					for _, values := range md {
						values[0] = "changed"
					}
				}
				for _, key := range []string{"user-agent", "mine"} {
					values := metadata.ValueFromIncomingContext(ctx, key)
					s.serverSaw("%s: %q", key, values)
					for i := range values {
						values[i] = "changed"
					}
				}
				return text, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for range 2 {
				_ = s.invoke(ctx, "without metadata")
				_ = s.invoke(metadata.AppendToOutgoingContext(ctx, "mine", "1"), "with metadata")
			}
		},
	},
	{
		name: "a handler does not pass its metadata on by itself",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				md, ok := metadata.FromOutgoingContext(ctx)
				s.serverSaw("outgoing %s: %t", formatMetadata(md), ok)
				return text, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(metadata.AppendToOutgoingContext(ctx, "mine", "1"), "x")
		},
	},
}
