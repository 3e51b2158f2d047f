package inproc

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A call is the part that unary calls and streams share: the handler's
// context, and the metadata and status that the server sends. It is the
// grpc.ServerTransportStream that grpc.SetHeader and similar functions look
// for.
type call struct {
	base   handlerContext
	ctx    context.Context // base with the values of the stats handlers
	conn   *Conn
	method string
	format *format    // the handler's
	begun  *time.Time // as reported to the stats handlers; nil before Begin and after End

	mu         sync.Mutex
	header     metadata.MD // as set by the handler; not changed after headerSent
	trailer    metadata.MD // as set by the handler; not changed after over
	headerSent bool
	over       bool           // the server ended the call, or the client did
	status     *status.Status // the server's, nil for OK
	received   metadata.MD    // the client's trailer
}

// start checks that a call can be made with ctx, and sets the fields that are
// known at its start.
func (c *Conn) start(ctx context.Context, to *call, method string, o *callOptions) error {
	to.base.deadline, _ = ctx.Deadline()
	err := endedError(ctx, to.base.deadline)
	if err != nil {
		return err
	}
	if to.base.metadata, err = c.requestMetadata(ctx, method, o); err != nil {
		return err
	}
	to.base.conn = c
	to.ctx = &to.base
	to.conn = c
	to.method = method
	to.format = c.server.format
	if o.contentSubtype != "" {
		to.format = to.format.of(o.contentSubtype)
	}
	return nil
}

// Method returns the full name, such as "/service/method".
func (c *call) Method() string { return c.method }

// RequestMetadata is documented at the package.
func (c *call) RequestMetadata() metadata.MD { return c.base.requestMetadata() }

// SetHeader adds md to the header. The header is sent with the first
// response, with SendHeader or with the status, whichever comes first.
func (c *call) SetHeader(md metadata.MD) error {
	if len(md) == 0 {
		return nil
	}
	if err := validate(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.headerSent || c.over {
		return errHeaderSent
	}
	c.header = metadata.Join(c.header, md)
	return nil
}

// SendHeader adds md to the header and sends it. The header can be sent only
// once.
func (c *call) SendHeader(md metadata.MD) error {
	if err := validate(md); err != nil {
		return err
	}
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return contextError(c.base.ended())
	}
	if c.headerSent {
		c.mu.Unlock()
		return errHeaderSent
	}
	if len(md) > 0 {
		c.header = metadata.Join(c.header, md)
	}
	c.headerSent = true
	c.mu.Unlock()
	c.reportHeaderSent(c.header)
	return nil
}

// SetTrailer adds md to the trailer, which is sent with the status.
func (c *call) SetTrailer(md metadata.MD) error {
	if len(md) == 0 {
		return nil
	}
	if err := validate(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return errHeaderSent
	}
	c.trailer = metadata.Join(c.trailer, md)
	return nil
}

// clientHeader returns the header that the client received, or nil if none
// was sent.
func (c *call) clientHeader() metadata.MD {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.headerSent {
		return nil
	}
	return responseMetadata(c.header, c.format.contentType)
}

// clientTrailer returns the trailer that the client received. It is empty
// until the client has read to the end of the call.
func (c *call) clientTrailer() metadata.MD {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received.Copy()
}

// receive moves the server's status and trailer to the client. It returns the
// error for the status, nil for OK. The call must be over. c.mu must be held
// unless only the client uses the call now.
func (c *call) receive() error {
	if c.received == nil {
		if c.status == nil && c.trailer == nil && c.headerSent {
			return nil
		}
		contentType := ""
		if !c.headerSent { // the response consists of the trailer alone
			contentType = c.format.contentType
		}
		c.received = responseMetadata(c.trailer, contentType)
		c.status = receivedStatus(c.status, c.received)
	}
	return c.status.Err()
}
