package inproc

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc"
)

// A unaryCall is a call of a unary method through Invoke: one message each
// way, and the client waiting for the answer meanwhile. That needs none of
// what a stream needs.
type unaryCall struct {
	call
	entry     *method
	coroutine *coroutine
	client    context.Context // for watch, until the call is over

	// The handler's side owns these until it is over, the client's afterwards.
	message  payload // the request, then the response
	decoded  bool    // the request
	answered bool    // there is a response
	failure  error   // why the request could not be decoded

	// Guarded by call.mu until the call is over.
	left    error       // why the client does not wait any more
	unwatch func() bool // ends what watch has begun; nil if it has not

	// Guarded by call.mu until the handler has returned.
	serving  bool          // it is running
	detached chan struct{} // not nil if the client was detached; closed when it has noticed

	finished chan struct{} // not nil if the handler runs apart; closed when the client need not wait
}

func (c *Conn) invokeUnary(ctx context.Context, method string, m *method, req, reply any, o *callOptions) error {
	u := &unaryCall{entry: m, client: ctx}
	if err := c.start(ctx, &u.call, method, o); err != nil {
		o.onFinish(err)
		return err
	}
	u.base.call = u
	if err := c.server.beginUnary(c, u); err != nil {
		o.onFinish(err)
		return err
	}
	o.events.sent(u)
	err := u.exchange(req, reply, o)
	o.finish(c, u, err)
	return err
}

// exchange sends the request and receives the response.
func (u *unaryCall) exchange(req, reply any, o *callOptions) (err error) {
	defer u.clientDone() // also when a message makes its codec panic
	if u.message, err = encode(o.codec, req, o.maxSendMsgSize, &u.coroutine.request); err != nil {
		return err
	}
	if err := endedError(u.client, u.base.deadline); err != nil {
		return err
	}
	if deadline := u.base.deadline; !deadline.IsZero() && time.Until(deadline) < 2*patience {
		u.watch()
	}
	u.run()
	if u.left != nil {
		return u.left
	}
	if err := endedError(u.client, u.base.deadline); err != nil {
		return err // nobody was watching, or the handler was faster
	}
	return u.receiveReply(reply, o)
}

// clientDone is the end of the call for the client.
func (u *unaryCall) clientDone() {
	u.leave(errConnClosed) // in case that the request was not sent
	if u.unwatch != nil {
		u.unwatch()
	}
	// What a handler keeps of its context may live long.
	u.client, u.unwatch = nil, nil
	if u.detached != nil {
		close(u.detached) // the handler's side calls endUnary
	} else {
		u.conn.server.endUnary(u)
	}
}

// abort makes the client leave.
func (u *unaryCall) abort(err error) {
	switch {
	case !u.leave(err):
	case u.finished != nil:
		close(u.finished)
	default:
		u.detach()
	}
}

// leave ends the call for the client. It returns false when that was so
// already, or when the handler has returned.
func (u *unaryCall) leave(err error) bool {
	u.mu.Lock()
	if u.over {
		u.mu.Unlock()
		return false
	}
	u.over = true
	u.left = err
	u.mu.Unlock()
	u.base.end(contextEnd(err))
	return true
}

// receiveReply is the client's half of the end of a call.
func (u *unaryCall) receiveReply(reply any, o *callOptions) error {
	if u.answered {
		if err := decode(o.codec, &u.message, reply, o.maxRecvMsgSize); err != nil {
			return err
		}
	}
	if err := u.receive(); err != nil {
		return err
	}
	if !u.answered {
		return errNoResponse
	}
	return nil
}

// serve runs the handler, unless the client has left already.
func (u *unaryCall) serve() {
	u.mu.Lock()
	left := u.over
	u.serving = !left
	u.mu.Unlock()
	if left {
		u.message.free()
		if u.detached != nil {
			u.conn.server.endUnary(u)
		}
		return
	}
	u.reportHeader()
	u.reportBegin(false, false)
	reply, err := u.entry.unary.Handler(u.entry.impl, u.ctx, u.decode, u.conn.server.unaryInterceptor)
	u.complete(reply, err)
}

// decode is what generated code reads the request with.
func (u *unaryCall) decode(m any) error {
	if u.decoded {
		return io.EOF
	}
	u.decoded = true
	size := u.message.len()
	if err := decode(u.format.codec, &u.message, m, u.conn.server.config.MaxRecvMsgSize); err != nil {
		u.failure = err
		return err
	}
	u.reportReceived(m, size)
	return nil
}

// complete is the handler's half of the end of a call.
func (u *unaryCall) complete(reply any, err error) {
	if !u.decoded {
		u.decoded = true
		u.message.free()
	}
	var response payload
	if err == nil {
		response, err = encode(u.format.codec, reply, u.conn.server.config.MaxSendMsgSize, &u.coroutine.response)
	}
	answered := err == nil
	if u.conn.server.stats != nil {
		u.reportCompletion(reply, response.len(), err)
	}
	u.conclude(response, answered, err)
}

// conclude sends the response and the status, unless the client has left.
func (u *unaryCall) conclude(response payload, answered bool, err error) {
	if u.failure != nil {
		err = u.failure
	}
	u.mu.Lock()
	u.serving = false
	left := u.over
	if !left {
		u.over = true
		u.headerSent = u.headerSent || answered || len(u.header) > 0
		u.status = sentStatus(err)
		u.message, u.answered = response, answered
	}
	u.mu.Unlock()
	u.base.end(context.Canceled)
	if left {
		response.free()
	} else if u.finished != nil {
		close(u.finished)
	}
	if u.detached != nil {
		u.conn.server.endUnary(u)
	}
}

// reportCompletion reports what is about to be sent, unless the client has
// left, and the end.
func (u *unaryCall) reportCompletion(reply any, size int, err error) {
	u.mu.Lock()
	left := u.over
	sendHeader := !left && !u.headerSent && (err == nil || len(u.header) > 0)
	u.headerSent = u.headerSent || sendHeader
	u.mu.Unlock()
	if sendHeader {
		u.reportHeaderSent(u.header)
	}
	if !left && err == nil {
		u.reportSent(reply, size)
	}
	if !left {
		u.reportTrailerSent(u.trailer)
	} else if err == nil {
		err = contextError(u.base.ended())
	}
	u.reportEnd(err)
}

var _ grpc.ServerTransportStream = (*unaryCall)(nil)
