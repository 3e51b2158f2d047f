package transporttest

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// tokens are credentials for a call. They record the requests for metadata.
type tokens struct {
	recorder *recorder
	pairs    map[string]string
	err      error
	secure   bool
}

func (t tokens) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	info, ok := credentials.RequestInfoFromContext(ctx)
	service := ""
	if len(uri) == 1 {
		// The rest is the authority, which is the connection's.
		if at := strings.LastIndexByte(uri[0], '/'); at >= 0 {
			service = uri[0][at:]
		}
	}
	t.recorder.clientSaw("asked for credentials: %q, request %t, method %s", service, ok, info.Method)
	return t.pairs, t.err
}

func (t tokens) RequireTransportSecurity() bool { return t.secure }

// A namedCodec is the protobuf codec with another name. It records its use.
// The types below adapt it to the two kinds of codec that grpc accepts.
type namedCodec struct {
	recorder *recorder
	name     string
}

func (c namedCodec) Name() string   { return c.name }
func (c namedCodec) String() string { return c.name }

type codecV2 struct{ namedCodec }

func (c codecV2) Marshal(v any) (mem.BufferSlice, error) {
	c.recorder.clientSaw("encode %T", v)
	return encoding.GetCodecV2(proto.Name).Marshal(v)
}

func (c codecV2) Unmarshal(data mem.BufferSlice, v any) error {
	c.recorder.clientSaw("decode %T", v)
	return encoding.GetCodecV2(proto.Name).Unmarshal(data, v)
}

type codecV1 struct{ namedCodec }

func (c codecV1) Marshal(v any) ([]byte, error) {
	data, err := codecV2(c).Marshal(v)
	if err != nil {
		return nil, err
	}
	defer data.Free()
	return data.Materialize(), nil
}

func (c codecV1) Unmarshal(data []byte, v any) error {
	return codecV2(c).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, v)
}

// callAndStream makes a unary call and a stream with the options.
func callAndStream(ctx context.Context, s *recorder, opts ...grpc.CallOption) {
	_ = s.invoke(ctx, "x", opts...)
	if stream := s.stream(ctx, bidiDesc, bidi, opts...); stream != nil {
		_ = stream.send("x")
		stream.closeSend()
		stream.drain()
	}
}

var optionScenarios = []scenario{
	{
		name:   "credentials add metadata",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s, pairs: map[string]string{"Authorization": "token", "data-bin": "\x00"}}))
			callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s}))
		},
	},
	{
		name:   "credentials that fail, fail the call",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s, secure: true, pairs: map[string]string{"k": "v"}}))
			callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s, err: errors.New("no token")}))
			callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s, pairs: map[string]string{"a b": "v"}}))
			callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s, pairs: map[string]string{"k": "é"}}))
			for c := codes.Canceled; c <= codes.Unauthenticated; c++ {
				callAndStream(ctx, s, grpc.PerRPCCredentials(tokens{recorder: s, err: status.Error(c, "no token")}))
			}
		},
	},
	{
		name: "compressors that are not registered are an internal error",
		client: func(ctx context.Context, s *recorder) {
			callAndStream(ctx, s, grpc.UseCompressor("unheard-of"))
			callAndStream(ctx, s, grpc.UseCompressor("identity"))
			callAndStream(ctx, s, grpc.UseCompressor("unheard-of"), grpc.UseCompressor(""))
		},
	},
	{
		name:   "content subtypes choose the codec, and are visible",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			callAndStream(ctx, s, grpc.CallContentSubtype("proto"))
			callAndStream(ctx, s, grpc.CallContentSubtype("PROTO"))
			callAndStream(ctx, s, grpc.CallContentSubtype("unheard-of"))
		},
	},
	{
		name:   "a codec given with the call is used",
		server: serving(recordMetadata),
		client: func(ctx context.Context, s *recorder) {
			c := namedCodec{s, "Named"}
			callAndStream(ctx, s, grpc.ForceCodecV2(codecV2{c}))
			callAndStream(ctx, s, grpc.ForceCodec(codecV1{c}))
			callAndStream(ctx, s, grpc.CustomCodecCallOption{Codec: codecV1{c}})
			callAndStream(ctx, s, grpc.ForceCodecV2(codecV2{c}), grpc.CallContentSubtype("other"))
			for _, option := range []grpc.CallOption{grpc.ForceCodecV2(codecV2{c}), grpc.ForceCodec(codecV1{c})} {
				_ = s.invoke(ctx, strings.Repeat("long enough for a pool", 1000), option)
			}
		},
	},
	{
		name: "options about networks and retries change nothing here",
		client: func(ctx context.Context, s *recorder) {
			callAndStream(ctx, s, grpc.WaitForReady(true), grpc.MaxRetryRPCBufferSize(1), grpc.StaticMethod(), grpc.EmptyCallOption{})
			callAndStream(ctx, s, grpc.WaitForReady(false))
		},
	},
	{
		name: "an authority given with the call is the one that the handler sees",
		server: serving(func(s *recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				s.serverSaw("authority %q", metadata.ValueFromIncomingContext(ctx, ":authority"))
				return text, nil
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			_ = s.invoke(ctx, "x", grpc.CallAuthority("example.com:8443"))
			_ = s.invoke(ctx, "x", grpc.CallAuthority("example.com:443"),
				grpc.PerRPCCredentials(audience{tokens{recorder: s}}))
		},
	},
	{
		name: "OnFinish is called once, with the outcome, when the client knows it",
		server: serving(func(*recorder) *service {
			return &service{unary: func(_ context.Context, text string) (string, error) { return text, handlerError(text) },
				bidi: func(end *serverEnd) error {
					if _, err := end.recv(); err != nil {
						<-end.Context().Done()
						return err
					}
					return status.Error(codes.Aborted, "as told")
				}}
		}),
		client: func(ctx context.Context, s *recorder) {
			finished := grpc.OnFinish(func(err error) { s.clientSaw("finished: %s", outcome(err)) })
			_ = s.invoke(ctx, "a status", finished)
			_ = s.invoke(ctx, "an error with the status OK", finished, finished)
			_ = s.invoke(ctx, notUTF8, finished)
			_ = s.invoke(ctx, "x", finished, grpc.UseCompressor("unheard-of"))
			_ = s.conn.Invoke(ctx, "/un/known", nil, nil, finished)
			ended, cancel := context.WithCancel(ctx)
			cancel()
			_ = s.invoke(ended, "x", finished)
			s.stream(ended, bidiDesc, bidi, finished)

			stream := s.stream(ctx, bidiDesc, bidi, finished)
			_ = stream.send("x")
			stream.header() // there is none, so the client learns of the end here
			stream.drain()
			stream.drain()
			stream = s.stream(ctx, bidiDesc, bidi, finished)
			_ = stream.send("x")
			stream.drain()
			stream = s.stream(ctx, bidiDesc, bidi, finished)
			stream.closeSend()
			_ = stream.send("after the end")
			stream.drain()
			unread := s.stream(ctx, serverStreamDesc, serverStream, finished)
			_ = unread.send("x")
			unread.drain()
		},
	},
	{
		name: "OnFinish is called when the context of a stream ends",
		client: func(ctx context.Context, s *recorder) {
			ctx, cancel := context.WithCancel(ctx)
			s.stream(ctx, bidiDesc, bidi, grpc.OnFinish(func(err error) {
				s.clientSaw("finished: %s", outcome(err))
				s.mark("finished")
			}))
			cancel()
			s.await("finished")
		},
	},
	{
		name:   "header, trailer and peer are there when OnFinish is called",
		server: serving(scripted),
		client: func(ctx context.Context, s *recorder) {
			for _, script := range []string{"set-header set-trailer", "set-header set-trailer fail"} {
				var header, trailer metadata.MD
				var p peer.Peer
				finished := grpc.OnFinish(func(error) {
					s.clientSaw("header %s, trailer %s, peer %s", formatMetadata(header), formatMetadata(trailer), formatPeer(&p))
				})
				_ = s.invoke(ctx, script, finished, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&p))
				stream := s.stream(ctx, serverStreamDesc, serverStream, finished, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&p))
				_ = stream.send(script)
				stream.drain()
			}
		},
	},
	{
		name: "messages of another type through a codec for anything",
		client: func(ctx context.Context, s *recorder) {
			reply := new(wrapperspb.BytesValue)
			err := s.conn.Invoke(ctx, unary, wrapperspb.Bytes([]byte("raw")), reply, grpc.ForceCodecV2(codecV2{namedCodec{s, "proto"}}))
			s.clientSaw("%s: %s", reply.GetValue(), outcome(err))
		},
	},
}

// audience records the whole URI for which credentials are requested, for
// calls that set the authority.
type audience struct{ tokens }

func (a audience) GetRequestMetadata(_ context.Context, uri ...string) (map[string]string, error) {
	a.recorder.clientSaw("asked for credentials for %q", uri)
	return nil, nil
}
