package transporttest

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// scripted returns a service whose handlers run the words of the request as
// steps. Streams read one request first.
func scripted(s *recorder) *service {
	onStream := func(end *serverEnd) error {
		text, err := end.recv()
		if err != nil {
			return err
		}
		return s.follow(text, func(word string) error { return streamStep(end, word) })
	}
	return &service{
		unary: func(ctx context.Context, text string) (string, error) {
			return text, s.follow(text, func(word string) error { return unaryStep(ctx, word) })
		},
		clientStream: onStream,
		serverStream: onStream,
		bidi:         onStream,
	}
}

var errStep = errors.New("no such step")

// follow runs the steps of a script and records their results. It returns an
// error for the step "fail".
func (s *recorder) follow(script string, step func(string) error) error {
	for word := range strings.FieldsSeq(script) {
		if word == "fail" {
			return status.Error(codes.Aborted, "as told")
		}
		err := step(word)
		if errors.Is(err, errStep) {
			s.Errorf("script %q: %q is not a step", script, word)
		}
		s.serverSaw("%s: %s", word, outcome(err))
	}
	return nil
}

func unaryStep(ctx context.Context, word string) error {
	switch word {
	case "set-header":
		return grpc.SetHeader(ctx, metadata.Pairs("h", "set", "h-bin", "\x00\xff"))
	case "set-nothing":
		return errors.Join(grpc.SetHeader(ctx, nil), grpc.SetTrailer(ctx, nil))
	case "send-header":
		return grpc.SendHeader(ctx, metadata.Pairs("H", "sent"))
	case "send-nil":
		return grpc.SendHeader(ctx, nil)
	case "set-trailer":
		return grpc.SetTrailer(ctx, metadata.Pairs("t", "set", "T", "again", "t-bin", "\x00\xff"))
	case "set-reserved":
		return errors.Join(grpc.SetHeader(ctx, reservedPairs), grpc.SetTrailer(ctx, reservedPairs))
	}
	return errStep
}

func streamStep(end *serverEnd, word string) error {
	switch word {
	case "set-header":
		return end.SetHeader(metadata.Pairs("h", "set", "h-bin", "\x00\xff"))
	case "set-nothing":
		end.SetTrailer(nil)
		return end.SetHeader(nil)
	case "send-header":
		return end.SendHeader(metadata.Pairs("H", "sent"))
	case "send-nil":
		return end.SendHeader(nil)
	case "set-trailer":
		end.SetTrailer(metadata.Pairs("t", "set", "T", "again", "t-bin", "\x00\xff"))
		return nil
	case "set-reserved":
		end.SetTrailer(reservedPairs)
		return end.SetHeader(reservedPairs)
	case "set-bad":
		return errors.Join(end.SetHeader(metadata.MD{"a b": {"x"}}), end.SetHeader(metadata.Pairs("k", "é")))
	case "send-bad":
		return end.SendHeader(metadata.MD{"": {"x"}})
	case "send":
		return end.send("message")
	}
	return errStep
}

var reservedPairs = metadata.Pairs(
	":authority", "forged", ":status", "404", "content-type", "forged", "user-agent", "forged", "te", "forged",
	"grpc-status", "9", "grpc-message", "forged", "grpc-encoding", "forged", "grpc-timeout", "1S",
	"host", "allowed", "grpc-accept-encoding", "allowed")

// unaryScripts also run over streams, where "send" takes the place of the
// response.
var unaryScripts = []string{
	"", "set-header", "set-header", "send-header", "send-nil", "set-nothing",
	"set-header send-header", "set-header send-nil set-header", "send-header", "send-header send-nil",
	"set-trailer", "set-trailer", "set-header set-trailer", "set-reserved",
	"fail", "set-header fail", "send-header fail", "send-nil fail", "set-trailer fail", "set-header set-trailer fail",
	"set-nothing fail", "set-reserved fail",
}

var streamScripts = []string{
	"send", "set-header send", "set-header send set-header send", "send send-header", "send-header send", "send-nil send set-trailer",
	"set-trailer send set-trailer fail", "send fail", "set-bad send", "send-bad set-header send", "set-reserved send",
}

var responseMetadataScenarios = []scenario{
	{
		name:   "header and trailer of unary calls",
		server: serving(scripted),
		client: func(ctx context.Context, s *recorder) {
			for _, script := range unaryScripts {
				header, trailer := metadata.Pairs("left", "from before"), metadata.Pairs("left", "from before")
				_ = s.invoke(ctx, script, grpc.Header(&header), grpc.Trailer(&trailer))
				s.clientSaw("header %s, trailer %s", formatMetadata(header), formatMetadata(trailer))
			}
		},
	},
	{
		name:   "header and trailer of streams, read before the messages",
		server: serving(scripted),
		client: func(ctx context.Context, s *recorder) {
			for _, script := range append(unaryScripts, streamScripts...) {
				stream := s.stream(ctx, bidiDesc, bidi)
				_ = stream.send(script)
				stream.header()
				stream.drain()
				stream.trailer()
			}
		},
	},
	{
		name:   "header and trailer of streams, read after the messages",
		server: serving(scripted),
		client: func(ctx context.Context, s *recorder) {
			for _, script := range append(unaryScripts, streamScripts...) {
				stream := s.stream(ctx, serverStreamDesc, serverStream)
				_ = stream.send(script)
				stream.drain()
				stream.header()
				stream.trailer()
			}
		},
	},
	{
		name:   "options for header and trailer are honoured by streams, at their end",
		server: serving(scripted),
		client: func(ctx context.Context, s *recorder) {
			for _, script := range []string{"send", "set-header set-trailer send fail", "fail"} {
				header, trailer := metadata.Pairs("left", "from before"), metadata.Pairs("left", "from before")
				stream := s.stream(ctx, bidiDesc, bidi, grpc.Header(&header), grpc.Trailer(&trailer))
				_ = stream.send(script)
				if strings.HasPrefix(script, "send") {
					_ = stream.recv()
				}
				s.clientSaw("before the end: header %s, trailer %s", formatMetadata(header), formatMetadata(trailer))
				stream.drain()
				s.clientSaw("header %s, trailer %s", formatMetadata(header), formatMetadata(trailer))
			}
		},
	},
	{
		name: "a header is there before the handler goes on",
		server: serving(func(s *recorder) *service {
			return &service{bidi: func(end *serverEnd) error {
				if _, err := end.recv(); err != nil {
					return err
				}
				if err := end.SendHeader(nil); err != nil {
					return err
				}
				_, err := end.drain()
				return err
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.send("x")
			stream.header() // would hang if the handler's return were awaited
			stream.closeSend()
			stream.drain()
			stream.header()
		},
	},
	{
		name:   "the client's copies of header and trailer are its own",
		server: serving(scripted),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			_ = stream.send("set-header set-trailer send")
			for range 2 {
				md, err := stream.Header()
				s.clientSaw("header %s: %s", formatMetadata(md), outcome(err))
				md["h"][0] = "changed"
				md["more"] = []string{"changed"}
			}
			stream.drain()
			for range 2 {
				md := stream.Trailer()
				s.clientSaw("trailer %s", formatMetadata(md))
				md["t"][0] = "changed"
			}
		},
	},
	{
		name: "what a handler gives away as metadata it may change afterwards",
		server: serving(func(s *recorder) *service {
			return &service{bidi: func(end *serverEnd) error {
				md := metadata.Pairs("k", "given")
				err := end.SendHeader(md)
				end.SetTrailer(md)
				md["k"][0] = "changed"
				md["more"] = []string{"changed"}
				return err
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			stream := s.stream(ctx, bidiDesc, bidi)
			stream.header()
			stream.drain()
			stream.trailer()
		},
	},
	{
		name: "without a call there is nobody to send metadata to",
		client: func(ctx context.Context, s *recorder) {
			s.clientSaw("set header: %s", code(grpc.SetHeader(ctx, metadata.Pairs("k", "v"))))
			s.clientSaw("set trailer: %s", code(grpc.SetTrailer(ctx, metadata.Pairs("k", "v"))))
			s.clientSaw("send header: %s", code(grpc.SendHeader(ctx, nil)))
		},
	},
}
