package rpc

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A method serves one RPC by calling it through cc.
type method struct {
	cc     grpc.ClientConnInterface
	config *Config
	spec   connect.Spec
	stream grpc.StreamDesc

	types         *types
	input, output protoreflect.MessageType // nil without a descriptor
}

func newMethod(t *types, service string, info grpc.MethodInfo) *method {
	m := &method{
		spec:   connect.Spec{Procedure: "/" + service + "/" + info.Name},
		stream: grpc.StreamDesc{StreamName: info.Name, ClientStreams: info.IsClientStream, ServerStreams: info.IsServerStream},
		types:  t,
	}
	if info.IsClientStream {
		m.spec.StreamType |= connect.StreamTypeClient
	}
	if info.IsServerStream {
		m.spec.StreamType |= connect.StreamTypeServer
	}
	descriptor := t.service(service)
	if descriptor == nil {
		return m
	}
	if d := descriptor.Methods().ByName(protoreflect.Name(info.Name)); d != nil {
		m.input, m.output = t.message(d.Input()), t.message(d.Output())
		if options, ok := d.Options().(*descriptorpb.MethodOptions); ok {
			m.spec.IdempotencyLevel = connect.IdempotencyLevel(options.GetIdempotencyLevel())
		}
	}
	return m
}

// serve is a [connect.ServerFunc].
func (m *method) serve(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
	info, _ := connect.CallInfoForServerContext(ctx)
	c := &call{method: m, info: info, client: stream, json: info.Codec == connect.CodecNameJSON}
	if m.config.MaxResponseBytes != nil {
		c.limit = m.config.MaxResponseBytes(ctx)
	}
	if c.json && m.input == nil {
		return connect.Errorf(connect.CodeUnimplemented, "%s has no descriptor, which JSON requires", m.spec.Procedure)
	}
	md, err := m.config.requestMetadata(exchangeFrom(ctx).r)
	if err != nil {
		return err
	}
	ctx = metadata.NewOutgoingContext(ctx, md)
	if m.spec.StreamType == connect.StreamTypeUnary {
		return c.unary(ctx)
	}
	return c.streaming(ctx)
}

// A call is one call of a method.
type call struct {
	*method
	info   *connect.CallInfo
	client connect.ServerStream
	json   bool // messages are in JSON
	limit  int  // of the response's body; 0 means none
	sent   int  // bytes of the body that count towards the limit

	// These are for a stream from the client.
	forwarded chan struct{} // closed when forwarding of requests has ended
	drained   atomic.Bool   // all requests have been read
	stopping  atomic.Bool   // an error of reading requests is ignored from now on
}

func (c *call) unary(ctx context.Context) error {
	var request, response frame
	if err := c.receive(&request); err != nil {
		return err
	}
	var header, trailer metadata.MD
	err := c.cc.Invoke(ctx, c.spec.Procedure, &request, &response,
		grpc.ForceCodecV2(passThrough{}), grpc.Header(&header), grpc.Trailer(&trailer))
	c.config.copyMetadata(c.info.ResponseHeader(), header)
	c.config.copyMetadata(c.info.ResponseTrailer(), trailer)
	if err != nil {
		return c.failure(ctx, err)
	}
	return c.send(&response)
}

// receive reads a message from the client. After the last one it returns
// [io.EOF].
func (c *call) receive(f *frame) error {
	if err := c.client.Receive(f); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return err
	}
	if c.json {
		if err := c.types.fromJSON(f, c.input); err != nil {
			return connect.Errorf(connect.CodeInvalidArgument, "unmarshal message: %s", err)
		}
	}
	return nil
}

// send writes a message to the client.
func (c *call) send(f *frame) error {
	if c.json {
		if err := c.types.toJSON(f, c.output); err != nil {
			return connect.NewError(connect.CodeInternal, "a response message could not be converted to JSON").WithCause(err)
		}
	}
	if c.limit > 0 {
		if c.sent += c.size(f.data); c.sent > c.limit {
			return connect.Errorf(connect.CodeResourceExhausted, "the response is larger than %d bytes", c.limit)
		}
	}
	return c.client.Send(f)
}

// frameOverhead is the number of bytes that a stream adds to each message.
const frameOverhead = 5

// size returns the number of bytes that data takes in a JSON string.
func (c *call) size(data []byte) int {
	if !utf8.Valid(data) {
		return (len(data) + frameOverhead + 2) / 3 * 4
	}
	size := len(data) + frameOverhead
	for _, b := range data {
		switch {
		case b == '"' || b == '\\' || b == '\n' || b == '\r' || b == '\t':
			size++
		case b < ' ':
			size += len(`\u0000`) - 1
		}
	}
	return size
}

// failure returns the error that the client gets for a call that ended with
// err.
func (c *call) failure(ctx context.Context, err error) error {
	s := status.Convert(err)
	if s.Code() > codes.Unauthenticated {
		// gRPC does not define these codes, and clients and Config.Status do
		// not know them.
		p := s.Proto()
		p.Code = int32(codes.Unknown)
		s = status.FromProto(p)
	}
	if c.config.Status != nil {
		s = c.config.Status(ctx, c.spec.Procedure, s.Err())
	}
	out := connect.NewError(connect.Code(s.Code()), strings.ToValidUTF8(s.Message(), "\uFFFD"))
	for _, detail := range s.Proto().GetDetails() {
		if encoded, err := connectproto.NewErrorDetail(detail); err == nil {
			out = out.WithDetail(encoded)
		}
	}
	return out
}
