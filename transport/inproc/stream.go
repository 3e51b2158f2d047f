package inproc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// A stream is a call with any number of messages: the part that its two ends,
// a clientStream and a serverStream, share. It uses the mutex of its call.
type stream struct {
	call
	entry     *method
	requests  queue
	responses queue

	clientErr  error // why the client ended the stream; nil if the server did
	badTrailer error // why the trailer cannot be sent
}

func (c *Conn) newStream(ctx context.Context, desc *grpc.StreamDesc, method string, o callOptions) (*clientStream, error) {
	m, unknown := c.server.find(method)
	s := &stream{entry: m}
	if err := c.start(ctx, &s.call, method, &o); err != nil {
		o.onFinish(err)
		return nil, err
	}
	s.base.call = s
	s.requests.init(&s.mu)
	s.responses.init(&s.mu)
	cs := &clientStream{stream: s, desc: desc, options: o}
	cs.ctx, cs.cancel = context.WithCancel(peer.NewContext(ctx, c.peer))
	if err := c.server.begin(c, cs); err != nil {
		cs.cancel()
		o.onFinish(err)
		return nil, err
	}
	o.events.sent(s, s.base.metadata)
	if m == nil {
		s.reportHeader()
		s.writeStatus(status.Error(codes.Unimplemented, unknown), nil)
		c.server.end()
	} else {
		go s.serve()
	}
	cs.watch(ctx)
	return cs, nil
}

// SendHeader sends the header and wakes a client that waits for it.
func (s *stream) SendHeader(md metadata.MD) error {
	if err := s.call.SendHeader(md); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.responses.canRead.Broadcast()
	return nil
}

// abort ends the stream from the client's side. The client reads the messages
// that have arrived and then gets err. The handler's context ends. abort does
// nothing after the end of the stream.
func (s *stream) abort(err error) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	s.clientErr = err
	s.close()
	s.mu.Unlock()
	s.base.end(contextEnd(err))
}

// writeStatus ends the stream from the server's side with the status for err.
// If report is not nil, it is called before the client learns of the status.
func (s *stream) writeStatus(err error, report func()) {
	// Deferred, since a stats handler may end the goroutine.
	defer func() {
		s.mu.Lock()
		if !s.over {
			if s.badTrailer != nil {
				err = s.badTrailer
			}
			s.status = sentStatus(err)
			s.close()
		}
		s.mu.Unlock()
		s.base.end(context.Canceled)
	}()
	s.mu.Lock()
	sendStatus := !s.over
	sendHeader := sendStatus && !s.headerSent && len(s.header) > 0
	s.headerSent = s.headerSent || sendHeader
	s.mu.Unlock()
	if sendHeader {
		s.reportHeaderSent(s.header)
	}
	if sendStatus {
		s.reportTrailerSent(s.trailer)
	}
	if report != nil {
		report()
	}
}

// close ends the exchange of messages. Sent responses can still be read. s.mu
// must be held.
func (s *stream) close() {
	s.over = true
	s.requests.discard()
	s.responses.close()
}

// serve runs the handler.
func (s *stream) serve() {
	growStack(false)
	server := s.conn.server
	err := errExited
	// These calls are deferred, since a handler or a stats handler may end the
	// goroutine.
	defer server.end()
	defer func() { s.writeStatus(err, func() { s.reportEnd(err) }) }()
	desc := s.entry.stream
	s.reportHeader()
	s.reportBegin(desc.ClientStreams, desc.ServerStreams)
	end := &serverStream{stream: s, desc: desc}
	if server.streamInterceptor == nil || !desc.ClientStreams && !desc.ServerStreams {
		err = desc.Handler(s.entry.impl, end)
	} else {
		err = server.streamInterceptor(s.entry.impl, end, &grpc.StreamServerInfo{
			FullMethod:     s.method,
			IsClientStream: desc.ClientStreams,
			IsServerStream: desc.ServerStreams,
		}, desc.Handler)
	}
}

var _ grpc.ServerTransportStream = (*stream)(nil)
