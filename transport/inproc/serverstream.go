package inproc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// A serverStream is the handler's end of a stream.
type serverStream struct {
	*stream
	desc *grpc.StreamDesc

	scratch scratch // used by the sending goroutine

	// Used by the receiving goroutine.
	request  payload
	copied   []byte // request, if it is small
	received bool   // a message was received
}

func (ss *serverStream) Context() context.Context { return ss.ctx }

// SetTrailer adds md to the trailer. It cannot return an error, so if md
// cannot be sent, the stream ends with that error instead of the handler's.
func (ss *serverStream) SetTrailer(md metadata.MD) {
	if err := validate(md); err != nil {
		ss.mu.Lock()
		defer ss.mu.Unlock()
		ss.badTrailer = err
		return
	}
	_ = ss.stream.SetTrailer(md) // fails only after the end of the stream
}

// SendMsg sends m. Any error ends the stream.
func (ss *serverStream) SendMsg(m any) error {
	data, err := encode(ss.format.codec, m, ss.conn.server.config.MaxSendMsgSize, &ss.scratch)
	if err == nil {
		size := data.len()
		if err = ss.sendData(data); err == nil {
			ss.reportSent(m, size)
			return nil
		}
	}
	ss.writeStatus(err, nil)
	return err
}

func (ss *serverStream) sendData(data payload) error {
	ss.mu.Lock()
	if !ss.over && !ss.headerSent {
		ss.headerSent = true
		ss.responses.canRead.Broadcast()
		ss.mu.Unlock()
		ss.reportHeaderSent(ss.header)
		ss.mu.Lock()
	}
	for !ss.over && ss.responses.full() {
		ss.responses.wait()
	}
	over := ss.over
	if !over {
		ss.responses.push(data)
	}
	ss.mu.Unlock()
	if over {
		data.free()
		return contextError(ss.base.ended())
	}
	return nil
}

// RecvMsg reads the next request into m. It returns io.EOF after the last
// one. Any other error ends the stream.
func (ss *serverStream) RecvMsg(m any) error {
	err := ss.recv(m)
	if err != nil && !errors.Is(err, io.EOF) {
		ss.writeStatus(err, nil)
	}
	return err
}

func (ss *serverStream) recv(m any) error {
	err := ss.nextRequest()
	if errors.Is(err, io.EOF) && !ss.desc.ClientStreams && !ss.received {
		return errNoRequest
	}
	if err != nil {
		return err
	}
	size := ss.request.len()
	if err := ss.decode(m); err != nil {
		return err
	}
	ss.received = true
	ss.reportReceived(m, size)
	if ss.desc.ClientStreams {
		return nil
	}
	// Only one request is allowed. Whether it is the only one is known when
	// the client has closed its side.
	err = ss.nextRequest()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = ss.decode(m)
	}
	if err == nil {
		err = errTwoRequests
	}
	return err
}

func (ss *serverStream) decode(m any) error {
	return decode(ss.format.codec, &ss.request, m, ss.conn.server.config.MaxRecvMsgSize)
}

// nextRequest waits for a request. It returns io.EOF after the last one.
func (ss *serverStream) nextRequest() error {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for tried := 0; ; tried++ {
		switch {
		case ss.over:
			return contextError(ss.base.ended())
		case !ss.requests.empty():
			if ss.request = ss.requests.pop(ss.copied); ss.request.borrowed {
				ss.copied = ss.request.data
			}
			return nil
		case ss.requests.closed:
			return io.EOF
		}
		ss.requests.await(tried)
	}
}

var _ grpc.ServerStream = (*serverStream)(nil)
