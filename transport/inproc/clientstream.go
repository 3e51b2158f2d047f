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

	// Used by who sends.
	scratch  scratch
	sentLast bool

	// Used by who receives.
	received bool  // a message
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

// finish is the end of the stream for the client, with nil or io.EOF for
// success.
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

// Context is the client's context, with the peer added. It ends with the
// stream.
func (cs *clientStream) Context() context.Context { return cs.ctx }

// Header waits for the header. It returns nil without an error when the stream
// ended without one; RecvMsg then says how.
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

// Trailer is the trailer, once RecvMsg has returned an error or io.EOF.
func (cs *clientStream) Trailer() metadata.MD { return cs.clientTrailer() }

// CloseSend says that no request follows. It always returns nil.
func (cs *clientStream) CloseSend() error {
	cs.sentLast = true
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !cs.requests.closed {
		cs.requests.close()
	}
	return nil
}

// SendMsg sends m. io.EOF says that the stream has ended, and RecvMsg how; any
// other error ends it. Where only one request is due, the error is left to
// RecvMsg altogether.
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

// RecvMsg reads the next response into m, or returns io.EOF after a stream
// that ended with OK. Any error ends the stream. Where only one response is
// due, it also waits for the status.
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

// takeResponses takes all responses that have been sent at once, so that the
// two sides meet at the mutex once for many. It waits for one, and returns
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

// result is how the stream ended for who receives: never nil, and io.EOF for
// OK.
func (cs *clientStream) result() error {
	if err := cs.outcome(); err != nil {
		return err
	}
	if !cs.desc.ServerStreams && !cs.received {
		return errNoResponse
	}
	return io.EOF
}

// outcome is the error of a stream that is over, nil for OK.
func (cs *clientStream) outcome() error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.clientErr != nil {
		return cs.clientErr
	}
	return cs.receive()
}

var _ grpc.ClientStream = (*clientStream)(nil)
