package service

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// gatewayConn is the connection below the gateway's mux. It masks errors and
// refuses invalid requests, whatever options the mux has.
type gatewayConn struct {
	grpc.ClientConnInterface
	config *config
}

// Invoke implements grpc.ClientConnInterface.
func (c gatewayConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call := ownCall(ctx, method)
	if err := c.check(call, args); err != nil {
		return err
	}
	if err := c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...); err != nil {
		return c.clientError(ctx, call, method, args, err)
	}
	return nil
}

// NewStream implements grpc.ClientConnInterface.
func (c gatewayConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call := ownCall(ctx, method)
	if call == nil {
		call = noCall()
	}
	call.clientStream, call.serverStream = desc.ClientStreams, desc.ServerStreams
	if desc.ClientStreams && call.response != nil {
		// Without full duplex, net/http discards the rest of the body when
		// the response begins. Servers that do not support it have read the
		// whole body already.
		_ = http.NewResponseController(call.response).EnableFullDuplex()
	}
	callCtx, cancel := context.WithCancel(ctx)
	stream, err := c.ClientConnInterface.NewStream(callCtx, desc, method, opts...)
	if err != nil {
		cancel()
		return nil, c.clientError(ctx, call, method, nil, err)
	}
	return &gatewayStream{ClientStream: stream, conn: c, call: call, ctx: ctx, method: method, cancel: cancel}, nil
}

// ownCall returns the call of the request that generated code turns into this
// RPC, or nil. A handler of the user may make several RPCs at a time.
func ownCall(ctx context.Context, method string) *call {
	if m, ok := runtime.RPCMethod(ctx); !ok || m != method {
		return nil
	}
	return callOf(ctx)
}

// check returns why a request is invalid, or nil.
func (c gatewayConn) check(call *call, args any) error {
	if call == nil {
		return nil
	}
	if err := call.requestErr(); err != nil {
		return err
	}
	if c.config.json.RefuseUnknownParameters {
		return unknownParameter(call.request, args)
	}
	return nil
}

// clientError is like sanitize, but a request that could not be encoded is an
// InvalidArgument.
func (c gatewayConn) clientError(ctx context.Context, call *call, method string, args any, err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	if status.Code(err) == codes.Internal && call != nil {
		if field, invalid := invalidUTF8(args); invalid {
			return invalidUTF8Error(call.request, field)
		}
	}
	return c.config.sanitize(ctx, method, err)
}

// gatewayStream is a stream below the gateway's mux.
type gatewayStream struct {
	grpc.ClientStream
	conn   gatewayConn
	call   *call
	ctx    context.Context // of the request, not of the stream
	method string
	cancel context.CancelFunc

	received bool                  // a message was received
	aborted  atomic.Pointer[error] // why not all of the client's messages were sent
}

// SendMsg implements grpc.ClientStream.
func (s *gatewayStream) SendMsg(m any) error {
	err := s.conn.check(s.call, m)
	if err == nil {
		if err = s.ClientStream.SendMsg(m); err == nil || errors.Is(err, io.EOF) {
			return err
		}
		err = s.clientError(m, err)
	}
	s.abort(err)
	if s.call.clientStream {
		return io.EOF // RecvMsg returns err
	}
	return err
}

// CloseSend implements grpc.ClientStream. Generated code calls it after the
// client's last message, and for bidirectional streams also when a message
// cannot be read. The RPC must then fail, so that the handler does not take
// the messages for complete.
func (s *gatewayStream) CloseSend() error {
	err := s.call.tooLargeErr()
	if err == nil {
		err = s.call.decodeErr
	}
	if err != nil {
		s.abort(err)
		return nil // RecvMsg returns it
	}
	if err := s.ClientStream.CloseSend(); err != nil {
		return s.clientError(nil, err)
	}
	return nil
}

// abort ends the RPC. RecvMsg returns the first error.
func (s *gatewayStream) abort(err error) {
	s.aborted.CompareAndSwap(nil, &err)
	s.cancel()
}

// Header implements grpc.ClientStream.
func (s *gatewayStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	if s.aborted.Load() != nil {
		return nil, nil // RecvMsg returns the error
	}
	if err != nil {
		return nil, s.clientError(nil, err)
	}
	return md, nil
}

// RecvMsg implements grpc.ClientStream. For HEAD, the first message is the
// last one: it determines the header.
func (s *gatewayStream) RecvMsg(m any) error {
	if s.call.isHead && s.received {
		s.cancel()
		s.call.ended = true
		return io.EOF
	}
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.received = true
		return nil
	}
	s.cancel()
	if aborted := s.aborted.Load(); aborted != nil {
		return *aborted
	}
	if errors.Is(err, io.EOF) {
		s.call.ended = true
		return err
	}
	return s.clientError(nil, err)
}

func (s *gatewayStream) clientError(args any, err error) error {
	return s.conn.clientError(s.ctx, s.call, s.method, args, err)
}
