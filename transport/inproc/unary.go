package inproc

import (
	"context"
	"io"

	"google.golang.org/grpc"
)

// A unaryCall is a call of a unary method through Invoke: one message each
// way, between a waiting client and a handler in its own goroutine.
type unaryCall struct {
	call
	entry *method
	done  chan struct{} // closed when the client may stop waiting

	// Used by the handler's goroutine.
	request   payload
	decoded   bool
	decodeErr error

	response  payload // set before done is closed, if status is OK
	clientErr error   // set before done is closed: why the client ended the call; nil if it did not
}

func (c *Conn) invokeUnary(ctx context.Context, method string, m *method, req, reply any, o *callOptions) error {
	u := &unaryCall{entry: m, done: make(chan struct{})}
	if err := c.start(ctx, &u.call, method, o); err != nil {
		o.onFinish(err)
		return err
	}
	u.base.call = u
	if err := c.server.begin(c, u); err != nil {
		o.onFinish(err)
		return err
	}
	defer c.server.forget(c, u)
	started := false
	defer func() {
		if !started { // e.g. the encoding panicked
			u.abort(context.Canceled)
			c.server.end()
		}
	}()
	o.events.sent(u, u.base.metadata)
	request, err := encode(o.codec, req, o.maxSendMsgSize, nil)
	if err == nil {
		err = endedError(ctx, u.base.deadline)
	}
	if err != nil {
		request.free()
		u.abort(err)
	} else {
		u.request = request
		started = true
		go u.serve()
		err = u.receiveReply(ctx, reply, o)
	}
	o.finish(c, u, err)
	return err
}

// receiveReply waits until the handler has returned or the call is ended. The
// end of ctx takes precedence over a response that arrives at the same time.
func (u *unaryCall) receiveReply(ctx context.Context, reply any, o *callOptions) error {
	select {
	case <-u.done:
	case <-ctx.Done():
	}
	if err := endedError(ctx, u.base.deadline); err != nil {
		u.abort(err)
		return err
	}
	if u.clientErr != nil {
		return u.clientErr
	}
	if u.status != nil {
		if err := u.receive(); err != nil {
			return err
		}
		return errNoResponse // the handler's error has the code OK
	}
	if err := decode(o.codec, &u.response, reply, o.maxRecvMsgSize); err != nil {
		return err
	}
	return u.receive()
}

// abort ends the call from the client's side. The client gets err and the
// handler's context ends. abort does nothing after the end of the call.
func (u *unaryCall) abort(err error) {
	u.mu.Lock()
	if u.over {
		u.mu.Unlock()
		return
	}
	u.over = true
	u.clientErr = err
	u.mu.Unlock()
	u.base.end(contextEnd(err))
	close(u.done)
}

func (u *unaryCall) finish(err error) { u.abort(err) }

// serve runs the handler.
func (u *unaryCall) serve() {
	growStack(false)
	var reply any
	var response payload
	err := errExited
	// Deferred, since a handler or a stats handler may end the goroutine.
	defer func() { u.writeStatus(response, err) }()
	defer func() { u.reportCompletion(reply, response.len(), err) }()
	u.reportHeader()
	u.reportBegin(false, false)
	server := u.conn.server
	reply, err = u.entry.unary.Handler(u.entry.impl, u.ctx, u.decode, server.unaryInterceptor)
	if u.decodeErr != nil {
		err = u.decodeErr
	}
	if err == nil {
		response, err = encode(u.format.codec, reply, server.config.MaxSendMsgSize, nil)
	}
}

// decode reads the request. Generated code calls it.
func (u *unaryCall) decode(m any) error {
	if u.decoded {
		return io.EOF
	}
	u.decoded = true
	size := u.request.len()
	if u.decodeErr = decode(u.format.codec, &u.request, m, u.conn.server.config.MaxRecvMsgSize); u.decodeErr != nil {
		return u.decodeErr
	}
	u.reportReceived(m, size)
	return nil
}

// writeStatus ends the call from the handler's side. It sends the response if
// err is nil.
func (u *unaryCall) writeStatus(response payload, err error) {
	u.request.free()
	u.mu.Lock()
	clientLeft := u.over
	if !clientLeft {
		u.over = true
		u.headerSent = u.headerSent || err == nil || len(u.header) > 0
		u.status = sentStatus(err)
		u.response = response
	}
	u.mu.Unlock()
	u.base.end(context.Canceled)
	u.conn.server.end()
	if clientLeft {
		response.free()
	} else {
		close(u.done)
	}
}

// reportCompletion reports the sending of the response, unless the client has
// ended the call, and then the end of the call.
func (u *unaryCall) reportCompletion(reply any, size int, err error) {
	if u.conn.server.stats == nil {
		return
	}
	u.mu.Lock()
	clientLeft := u.over
	sendHeader := !clientLeft && !u.headerSent && (err == nil || len(u.header) > 0)
	u.headerSent = u.headerSent || sendHeader
	u.mu.Unlock()
	if sendHeader {
		u.reportHeaderSent(u.header)
	}
	if !clientLeft && err == nil {
		u.reportSent(reply, size)
	}
	if !clientLeft {
		u.reportTrailerSent(u.trailer)
	} else if err == nil {
		err = contextError(u.base.ended())
	}
	u.reportEnd(err)
}

var _ grpc.ServerTransportStream = (*unaryCall)(nil)
