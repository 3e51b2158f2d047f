package inproc

import (
	"context"
	"io"
	"runtime"

	"google.golang.org/grpc"
)

// A unaryCall is a call of a unary method through Invoke: one message each
// way, and the client waiting for the answer meanwhile. That needs none of
// what a stream needs.
type unaryCall struct {
	call
	entry *method

	// The server's goroutine owns these until it sends to finished, the client
	// afterwards. When the client has left before, they stay with the server.
	request  payload
	decoded  bool
	failure  error // why the request could not be decoded
	response payload
	answered bool // there is a response
	finished chan struct{}

	left    bool  // the client does not wait any more; guarded by call.mu
	aborted error // why the call was aborted, set before something is sent to finished

	previous, next *unaryCall // guarded by the server's mutex
}

func (c *Conn) invokeUnary(ctx context.Context, method string, m *method, req, reply any, o *callOptions) error {
	md, err := c.start(ctx, method, o)
	if err != nil {
		o.onFinish(err)
		return err
	}
	u := &unaryCall{entry: m}
	c.initCall(ctx, &u.call, method, md, o)
	u.base.call = u
	u.finished = c.server.signals.Get().(chan struct{})
	if err := c.server.beginUnary(c, u); err != nil {
		o.onFinish(err)
		return err
	}
	if u.request, err = encode(o.codec, req, o.maxSendMsgSize); err != nil {
		c.server.endUnary(u)
		o.finish(c, u, err)
		return err
	}
	c.server.workers.run(u)
	err = u.wait(ctx)
	if err == nil {
		err = u.receiveReply(reply, o)
	}
	o.finish(c, u, err)
	return err
}

// wait returns nil when the handler has returned, and an error when the client
// cannot wait for that.
func (u *unaryCall) wait(ctx context.Context) error {
	// Most handlers return soon. Letting them run, without going to sleep, costs
	// less than being woken.
	for range 2 {
		runtime.Gosched()
		if len(u.finished) > 0 {
			break
		}
	}
	if ended := ctx.Done(); ended == nil || len(u.finished) > 0 {
		<-u.finished
	} else {
		select {
		case <-u.finished:
		case <-ended:
			if err := contextError(ctx.Err()); u.leave(err) {
				return err
			}
			<-u.finished // the handler has returned meanwhile, or abort was called
		}
	}
	u.conn.server.signals.Put(u.finished)
	return u.aborted
}

// abort makes the client leave.
func (u *unaryCall) abort(err error) {
	if u.leave(err) {
		u.aborted = err
		u.finished <- struct{}{}
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
	u.left = true
	u.mu.Unlock()
	u.base.end(contextEnd(err))
	return true
}

// receiveReply is the client's half of the end of a call.
func (u *unaryCall) receiveReply(reply any, o *callOptions) error {
	if u.answered {
		if err := decode(o.codec, &u.response, reply, o.maxRecvMsgSize); err != nil {
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

// serve runs the handler, on a goroutine of the server.
func (u *unaryCall) serve() {
	s := u.conn.server
	defer s.endUnary(u)
	returned := false
	defer func() {
		if !returned { // runtime.Goexit, or a panic that ends the process anyway
			u.complete(nil, errGone)
		}
	}()
	u.reportHeader()
	u.reportBegin(false, false)
	reply, err := u.entry.unary.Handler(u.entry.impl, u.ctx, u.decode, s.unaryInterceptor)
	returned = true
	u.complete(reply, err)
}

// decode is what generated code reads the request with.
func (u *unaryCall) decode(m any) error {
	if u.decoded {
		return io.EOF
	}
	u.decoded = true
	size := u.request.len()
	if err := decode(u.codec, &u.request, m, u.conn.server.config.MaxRecvMsgSize); err != nil {
		u.failure = err
		return err
	}
	u.reportReceived(m, size)
	return nil
}

// complete is the server's half of the end of a call.
func (u *unaryCall) complete(reply any, err error) {
	if !u.decoded {
		u.request.free()
	}
	var response payload
	if err == nil {
		response, err = encode(u.codec, reply, u.conn.server.config.MaxSendMsgSize)
	}
	answered := err == nil
	if u.conn.server.stats != nil {
		u.reportCompletion(reply, response.len(), err)
	}
	if u.failure != nil {
		err = u.failure
	}
	u.mu.Lock()
	left := u.left
	if !left {
		u.over = true
		u.headerSent = u.headerSent || answered || len(u.header) > 0
		u.status = sentStatus(err)
		u.response, u.answered = response, answered
	}
	u.mu.Unlock()
	u.base.end(context.Canceled)
	if left {
		response.free()
		return
	}
	u.finished <- struct{}{}
}

// reportCompletion reports what is about to be sent, unless the client has
// left, and the end.
func (u *unaryCall) reportCompletion(reply any, size int, err error) {
	u.mu.Lock()
	left := u.left
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
