package client

import (
	"context"
	"errors"
	"io"
	"sync"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A stream is a [grpc.ClientStream] that sends all messages before it receives the
// first one.
type stream struct {
	*call
	desc   *grpc.StreamDesc
	client connect.ClientStream
	cancel context.CancelFunc

	mu       sync.Mutex
	sent     int
	sendDone bool // CloseSend was called
	ended    bool // the status is known
	err      error

	receiving sync.Mutex // held by RecvMsg and Header
	first     *received  // read by Header for the next RecvMsg
	received  bool       // RecvMsg has returned a message
}

// received is the result of the first RecvMsg.
type received struct {
	message rawMessage
	err     error
}

func (c *call) stream(desc *grpc.StreamDesc) (grpc.ClientStream, error) {
	spec := connect.Spec{Procedure: c.method}
	if desc.ClientStreams {
		spec.StreamType |= connect.StreamTypeClient
	}
	if desc.ServerStreams {
		spec.StreamType |= connect.StreamTypeServer
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.ctx = ctx
	client, err := c.conn.clientFor(c.callOptions).CallClientStream(ctx, spec)
	if err != nil {
		cancel()
		return nil, statusOf(ctx, err)
	}
	return &stream{call: c, desc: desc, client: client, cancel: cancel}, nil
}

// Context implements [grpc.ClientStream].
func (s *stream) Context() context.Context { return s.ctx }

// SendMsg implements [grpc.ClientStream].
func (s *stream) SendMsg(m any) error {
	message, err := messageOf(m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	switch {
	case s.ended:
		err = io.EOF
	case s.sendDone:
		err = status.Error(codes.Internal, "SendMsg called after CloseSend")
	case !s.desc.ClientStreams && s.sent > 0:
		err = status.Error(codes.Internal, "SendMsg called twice for a single request")
	}
	s.sent++
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = s.client.Send(message)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if errors.Is(err, io.EOF) || ended {
		return io.EOF // RecvMsg returns the status
	}
	err = statusOf(s.ctx, err)
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable:
		return io.EOF // RecvMsg returns the status
	}
	s.end(err)
	return err
}

// CloseSend implements [grpc.ClientStream].
func (s *stream) CloseSend() error {
	s.mu.Lock()
	done := s.sendDone || s.ended
	s.sendDone = true
	s.mu.Unlock()
	if !done {
		_ = s.client.CloseSend() // RecvMsg returns how the call ended
	}
	return nil
}

// tooEarly returns an error if the request is not complete. Over HTTP/1.1 there is
// no response before that, so waiting would never end.
func (s *stream) tooEarly(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sendDone || s.ended || !s.desc.ClientStreams && s.sent > 0 {
		return nil
	}
	return status.Errorf(codes.Unimplemented, "client: %s of %s before CloseSend: Lambda passes on a request when it is complete, "+
		"so that a stream in both directions is half duplex", what, s.method)
}

// Header implements [grpc.ClientStream]. It waits for the first message or the end
// of the stream.
func (s *stream) Header() (metadata.MD, error) {
	if err := s.tooEarly("Header"); err != nil {
		s.end(err)
		return nil, err
	}
	s.receiving.Lock()
	defer s.receiving.Unlock()
	if s.first == nil && !s.received {
		s.first = &received{}
		s.first.err = s.client.Receive(&s.first.message)
	}
	return metadataOf(s.info.ResponseHeader()), nil
}

// Trailer implements [grpc.ClientStream].
func (s *stream) Trailer() metadata.MD { return metadataOf(s.info.ResponseTrailer()) }

// RecvMsg implements [grpc.ClientStream].
func (s *stream) RecvMsg(m any) error {
	message, err := messageOf(m)
	if err != nil {
		return err
	}
	if err := s.tooEarly("RecvMsg"); err != nil {
		s.end(err)
		return err
	}
	s.receiving.Lock()
	defer s.receiving.Unlock()
	s.mu.Lock()
	ended, err := s.ended, s.err
	s.mu.Unlock()
	if ended {
		return err
	}
	err = s.receive(message)
	switch {
	case err == nil && s.desc.ServerStreams:
		return nil
	case err == nil: // the only response, after which connect has read to the end
		s.end(io.EOF)
		return nil
	case errors.Is(err, io.EOF):
		err = io.EOF // callers compare with ==
	default:
		err = statusOf(s.ctx, err)
	}
	s.end(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) receive(message proto.Message) error {
	s.received = true
	proto.Reset(message) // an empty message is not decoded
	if first := s.first; first != nil {
		s.first = nil
		if first.err != nil {
			return first.err
		}
		return s.conn.codec.decode(&first.message, message)
	}
	return s.client.Receive(message)
}

// end records the result of the call and releases its resources. Only the first
// call of end counts.
func (s *stream) end(err error) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended, s.err = true, err
	s.mu.Unlock()
	s.cancel()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	s.finish(err)
}
