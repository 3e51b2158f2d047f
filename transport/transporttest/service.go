package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// These are the methods of the service that scenarios use. Its messages are
// strings.
const (
	serviceName  = "transporttest.Test"
	unary        = "/" + serviceName + "/Unary"
	clientStream = "/" + serviceName + "/ClientStream"
	serverStream = "/" + serviceName + "/ServerStream"
	bidi         = "/" + serviceName + "/Bidi"
)

// These are the stream types that a client expects of the methods.
var (
	unaryDesc        = &grpc.StreamDesc{}
	clientStreamDesc = &grpc.StreamDesc{ClientStreams: true}
	serverStreamDesc = &grpc.StreamDesc{ServerStreams: true}
	bidiDesc         = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
)

// A service defines the handlers of a scenario. Those that are nil echo.
type service struct {
	unary        func(context.Context, string) (string, error)
	reply        func(context.Context, string) (proto.Message, error) // instead of unary
	request      func() proto.Message                                 // returns the message that unary requests are decoded into, a string by default
	clientStream func(*serverEnd) error
	serverStream func(*serverEnd) error
	bidi         func(*serverEnd) error
	recorder     *recorder // records what streams do, if set
}

func (s *service) register(r grpc.ServiceRegistrar) {
	stream := func(f *func(*serverEnd) error) grpc.StreamHandler {
		return func(_ any, ss grpc.ServerStream) error {
			end := &serverEnd{ServerStream: ss, recorder: s.recorder}
			if *f == nil {
				return end.echo()
			}
			return (*f)(end)
		}
	}
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil),
		Metadata:    "transporttest",
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: s.handleUnary}},
		Streams: []grpc.StreamDesc{
			{StreamName: "ClientStream", ClientStreams: true, Handler: stream(&s.clientStream)},
			{StreamName: "ServerStream", ServerStreams: true, Handler: stream(&s.serverStream)},
			{StreamName: "Bidi", ClientStreams: true, ServerStreams: true, Handler: stream(&s.bidi)},
		},
	}, s)
}

// handleUnary has the form of generated code.
func (s *service) handleUnary(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	var in proto.Message = new(wrapperspb.StringValue)
	if s.request != nil {
		in = s.request()
	}
	if err := decode(in); err != nil {
		return nil, err
	}
	handler := func(ctx context.Context, req any) (any, error) { return s.callUnary(ctx, req) }
	if interceptor == nil {
		return handler(ctx, in)
	}
	return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: unary}, handler)
}

func (s *service) callUnary(ctx context.Context, req any) (any, error) {
	text := fmt.Sprint(req)
	if in, ok := req.(*wrapperspb.StringValue); ok {
		text = in.GetValue()
	}
	if s.reply != nil {
		reply, err := s.reply(ctx, text)
		if reply == nil {
			return nil, err
		}
		return reply, err
	}
	if s.unary == nil {
		return wrapperspb.String(text), nil
	}
	text, err := s.unary(ctx, text)
	if err != nil {
		return nil, err
	}
	return wrapperspb.String(text), nil
}

// serving returns a server with only the service.
func serving(f func(*recorder) *service) func(*recorder) transport.ServerConfig {
	return func(rec *recorder) transport.ServerConfig {
		return transport.ServerConfig{Register: f(rec).register}
	}
}

// A serverEnd is the handler's end of a stream of strings. It records the
// operations if it has a recorder.
type serverEnd struct {
	grpc.ServerStream
	recorder *recorder
}

func (e *serverEnd) send(text string) error {
	err := e.SendMsg(wrapperspb.String(text))
	if e.recorder != nil {
		e.recorder.serverSaw("send %s: %s", brief(text), outcome(err))
	}
	return err
}

func (e *serverEnd) recv() (string, error) {
	in := new(wrapperspb.StringValue)
	err := e.RecvMsg(in)
	if e.recorder != nil {
		e.recorder.serverSaw("receive %s: %s", brief(in.GetValue()), outcome(err))
	}
	return in.GetValue(), err
}

// drain receives until the client has closed its side or ended the stream.
func (e *serverEnd) drain() (n int, err error) {
	for {
		if _, err = e.recv(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
		n++
	}
}

func (e *serverEnd) echo() error {
	for {
		text, err := e.recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = e.send(text)
		}
		if err != nil {
			return err
		}
	}
}

// A clientEnd is the client's end of a stream of strings. It records the
// operations.
type clientEnd struct {
	grpc.ClientStream
	recorder *recorder
}

func (s *recorder) stream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) *clientEnd {
	stream, err := s.conn.NewStream(ctx, desc, method, opts...)
	if err != nil {
		s.clientSaw("new stream: %s", outcome(err))
		return nil
	}
	return &clientEnd{stream, s}
}

func (e *clientEnd) send(text string) error {
	err := e.SendMsg(wrapperspb.String(text))
	e.recorder.clientSaw("send %s: %s", brief(text), outcome(err))
	return err
}

func (e *clientEnd) recv() error {
	in := new(wrapperspb.StringValue)
	err := e.RecvMsg(in)
	e.recorder.clientSaw("receive %s: %s", brief(in.GetValue()), outcome(err))
	return err
}

// drain receives until the stream ends.
func (e *clientEnd) drain() {
	for e.recv() == nil {
	}
}

func (e *clientEnd) closeSend() {
	e.recorder.clientSaw("close send: %s", outcome(e.CloseSend()))
}

// header waits for the header and records it.
func (e *clientEnd) header() {
	md, err := e.Header()
	e.recorder.clientSaw("header %s: %s", formatMetadata(md), outcome(err))
}

func (e *clientEnd) trailer() {
	e.recorder.clientSaw("trailer %s", formatMetadata(e.Trailer()))
}

// invoke makes a unary call and records its result.
func (s *recorder) invoke(ctx context.Context, text string, opts ...grpc.CallOption) error {
	reply := new(wrapperspb.StringValue)
	err := s.conn.Invoke(ctx, unary, wrapperspb.String(text), reply, opts...)
	s.clientSaw("call %s: %s, %s", brief(text), brief(reply.GetValue()), outcome(err))
	return err
}

// outcome describes an error by all parts of its status.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	if err == io.EOF { //nolint:errorlint // wrapped, it would be something else
		return "EOF"
	}
	st, ok := status.FromError(err)
	if !ok {
		return fmt.Sprintf("error without a status: %v", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%v %q", st.Code(), st.Message())
	for _, detail := range st.Details() {
		if m, ok := detail.(proto.Message); ok {
			fmt.Fprintf(&text, " (%s of %d bytes)", m.ProtoReflect().Descriptor().FullName(), proto.Size(m))
		} else {
			fmt.Fprintf(&text, " (%v)", detail)
		}
	}
	return text.String()
}

// code returns the code of err, for errors whose message depends on the
// connection.
func code(err error) string { return status.Code(err).String() }

// codeAfterClose returns "closed" for a call that its connection has ended or
// refused, and outcome otherwise.
func codeAfterClose(err error) string {
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled:
		return "closed"
	}
	return outcome(err)
}

// brief returns text, or its size if it does not fit on a line.
func brief(text string) string {
	if len(text) > 100 {
		return fmt.Sprintf("%d bytes", len(text))
	}
	return fmt.Sprintf("%q", text)
}

// formatMetadata lists metadata by key. Values that differ between
// connections are replaced by their number or size.
func formatMetadata(md metadata.MD) string {
	if md == nil {
		return "none"
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(md)) {
		values := fmt.Sprintf("%q", md[key])
		switch key {
		case ":authority":
			values = fmt.Sprintf("%d value", len(md[key]))
		case "grpc-status-details-bin":
			values = fmt.Sprintf("%d bytes", len(strings.Join(md[key], "")))
		}
		parts = append(parts, key+"="+values)
	}
	return "{" + strings.Join(parts, " ") + "}"
}
