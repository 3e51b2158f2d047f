package inproc

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// A clientStream is the client's end of a stream.
type clientStream struct {
	*stream
	desc    *grpc.StreamDesc
	options callOptions
	ctx     context.Context
	cancel  context.CancelFunc

	// Used by the sending goroutine.
	scratch  scratch
	sentLast bool

	// Used by the receiving goroutine.
	received bool  // a message was received
	taken    batch // from the queue
	response payload

	finishing sync.Mutex
	finished  bool
	unwatch   func() bool
}

// watch ends the stream when the client's context ends.
func (cs *clientStream) watch(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	cs.finishing.Lock()
	defer cs.finishing.Unlock()
	cs.unwatch = context.AfterFunc(ctx, func() { cs.finish(contextError(ctx.Err())) })
}

// finish releases the client's side of the stream. err is nil or io.EOF for
// success. Only the first call has an effect.
func (cs *clientStream) finish(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	cs.finishing.Lock()
	if cs.finished {
		cs.finishing.Unlock()
		return
	}
	cs.finished = true
	unwatch := cs.unwatch
	cs.finishing.Unlock()
	if unwatch != nil {
		unwatch()
	}
	if err != nil {
		cs.abort(err)
	}
	cs.conn.server.forget(cs.conn, cs)
	cs.options.finish(cs.conn, cs, err)
	cs.cancel()
}

// Context returns the client's context with the peer. It ends with the
// stream.
func (cs *clientStream) Context() context.Context { return cs.ctx }

// Header waits for the header. If the stream ended without one, it returns
// nil without an error; RecvMsg returns the status.
func (cs *clientStream) Header() (metadata.MD, error) {
	cs.mu.Lock()
	for !cs.headerSent && !cs.over {
		cs.responses.canRead.Wait()
	}
	sent := cs.headerSent
	cs.mu.Unlock()
	if !sent {
		cs.finish(cs.outcome())
		return nil, nil
	}
	return cs.clientHeader(), nil
}

// Trailer returns the trailer after RecvMsg has returned an error or io.EOF.
func (cs *clientStream) Trailer() metadata.MD { return cs.clientTrailer() }

// CloseSend ends the sequence of requests. It always returns nil.
func (cs *clientStream) CloseSend() error {
	cs.sentLast = true
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !cs.requests.closed {
		cs.requests.close()
	}
	return nil
}

// SendMsg sends m. It returns io.EOF if the stream has ended; RecvMsg then
// returns the status. Any other error ends the stream. If the method takes a
// single request, SendMsg leaves io.EOF to RecvMsg and returns nil.
func (cs *clientStream) SendMsg(m any) error {
	err := cs.send(m)
	if errors.Is(err, io.EOF) && !cs.desc.ClientStreams {
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		cs.finish(err)
	}
	return err
}

func (cs *clientStream) send(m any) error {
	if cs.sentLast {
		return errAfterClose
	}
	cs.sentLast = !cs.desc.ClientStreams
	data, err := encode(cs.options.codec, m, cs.options.maxSendMsgSize, &cs.scratch)
	if err != nil {
		return err
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for !cs.over && cs.requests.full() {
		cs.requests.wait()
	}
	if cs.over {
		data.free()
		return io.EOF
	}
	cs.requests.push(data)
	if cs.sentLast {
		cs.requests.close()
	}
	return nil
}

// RecvMsg reads the next response into m. It returns io.EOF after a stream
// that ended with OK. Any error ends the stream. If the method returns a
// single response, RecvMsg also waits for the status.
func (cs *clientStream) RecvMsg(m any) error {
	err := cs.recv(m)
	if err == nil && !cs.desc.ServerStreams {
		if err = cs.recv(m); err == nil {
			err = errTwoReplies
		}
		if errors.Is(err, io.EOF) {
			cs.finish(nil)
			return nil
		}
	}
	if err != nil {
		cs.finish(err)
	}
	return err
}

func (cs *clientStream) recv(m any) error {
	if cs.taken.empty() && !cs.takeResponses() {
		return cs.result()
	}
	cs.response = cs.taken.first()
	if err := decode(cs.options.codec, &cs.response, m, cs.options.maxRecvMsgSize); err != nil {
		return err
	}
	cs.received = true
	return nil
}

// takeResponses takes all sent responses at once, so that the two sides lock
// the mutex once for many messages. It waits for at least one. It returns
// false at the end of the stream.
func (cs *clientStream) takeResponses() bool {
	if n := len(cs.taken.sizes); n > 1 {
		cs.responses.spin(int32(min(2*n, fullBatch)))
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for tried := 0; cs.responses.empty(); tried++ {
		if cs.over {
			return false
		}
		cs.responses.await(tried)
	}
	cs.taken = cs.responses.take(cs.taken)
	return true
}

// result returns the error that RecvMsg returns at the end of the stream. It
// is never nil, and io.EOF for OK.
func (cs *clientStream) result() error {
	if err := cs.outcome(); err != nil {
		return err
	}
	if !cs.desc.ServerStreams && !cs.received {
		return errNoResponse
	}
	return io.EOF
}

// outcome returns the error of a stream that is over, nil for OK.
func (cs *clientStream) outcome() error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.clientErr != nil {
		return cs.clientErr
	}
	return cs.receive()
}

var _ grpc.ClientStream = (*clientStream)(nil)
