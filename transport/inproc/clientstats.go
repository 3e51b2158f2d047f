package inproc

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// clientEvents reports the events of one call on the client's side, in the
// order in which a grpc.ClientConn reports them. A nil *clientEvents, used
// without a stats handler, reports nothing.
//
// The end of a stream's context ends it in a separate goroutine.
type clientEvents struct {
	handler stats.Handler
	conn    *Conn
	ctx     context.Context // as tagged
	method  string
	begun   time.Time
	options bool // call options add metadata to that of ctx

	mu             sync.Mutex
	header         func() metadata.MD // nil until the request has been sent
	headerReported bool
	ended          bool
}

// observe starts reporting a call if there is a stats handler. It returns the
// context for the call. As on a connection, a call that fails because of its
// context or its metadata is not reported.
func (c *Conn) observe(ctx context.Context, desc *grpc.StreamDesc, method string, o *callOptions) context.Context {
	h := c.clientStats
	if h == nil || ctx.Err() != nil {
		return ctx
	}
	if md, _ := metadata.FromOutgoingContext(ctx); admit(md) != nil {
		return ctx
	}
	ctx = h.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: method, FailFast: true})
	e := &clientEvents{handler: h, conn: c, ctx: ctx, method: method, begun: time.Now(), options: o.addMetadata()}
	h.HandleRPC(ctx, &stats.Begin{
		Client:         true,
		BeginTime:      e.begun,
		FailFast:       true,
		IsClientStream: desc.ClientStreams,
		IsServerStream: desc.ServerStreams,
	})
	o.events = e
	o.codec = observedCodec{o.codec, e, o.maxSendMsgSize}
	return ctx
}

// sent reports that the request header has been sent. request is the call's
// metadata. The event has no metadata of call options, such as credentials.
func (e *clientEvents) sent(call outcome, request metadata.MD) {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.header = call.clientHeader
	e.mu.Unlock()
	md := clone(request)
	if e.options {
		fromContext, _ := metadata.FromOutgoingContext(e.ctx)
		md = clone(fromContext)
	}
	md[userAgentKey] = e.conn.metadata[userAgentKey]
	// Authority stays empty: grpc-go has had the field only since 1.85.
	e.handler.HandleRPC(e.ctx, &stats.OutHeader{
		Client:     true,
		FullMethod: e.method,
		RemoteAddr: e.conn.peer.Addr,
		LocalAddr:  e.conn.peer.LocalAddr,
		Header:     md,
	})
}

// received reports the header, once. It reports nothing if the server sent
// only a status.
func (e *clientEvents) received() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.headerReported || e.header == nil {
		return
	}
	if md := e.header(); md != nil {
		e.headerReported = true
		e.handler.HandleRPC(e.ctx, &stats.InHeader{Client: true, Header: md})
	}
}

// end reports the end of the call, once. call is nil if the call could not be
// started.
func (e *clientEvents) end(call outcome, err error) {
	if e == nil {
		return
	}
	e.mu.Lock()
	ended := e.ended
	e.ended = true
	e.mu.Unlock()
	if ended {
		return
	}
	var trailer metadata.MD
	if call != nil {
		e.received()
		if trailer = call.clientTrailer(); err == nil || call.statusReceived() {
			e.handler.HandleRPC(e.ctx, &stats.InTrailer{Client: true, Trailer: trailer})
		}
	}
	e.handler.HandleRPC(e.ctx, &stats.End{
		Client:    true,
		BeginTime: e.begun,
		EndTime:   time.Now(),
		Trailer:   trailer,
		Error:     err,
	})
}

// observedCodec reports the messages that the client encodes and decodes.
type observedCodec struct {
	codec
	events *clientEvents
	limit  int // of a sent message, in bytes
}

func (c observedCodec) marshal(m any, s *scratch) (payload, error) {
	p, err := c.codec.marshal(m, s)
	if size := p.len(); err == nil && size <= c.limit {
		c.events.handler.HandleRPC(c.events.ctx, &stats.OutPayload{
			Client:           true,
			Payload:          m,
			Length:           size,
			WireLength:       size + messageHeader,
			CompressedLength: size,
			SentTime:         time.Now(),
		})
	}
	return p, err
}

func (c observedCodec) unmarshal(p *payload, m any) error {
	size := p.len() // before unmarshal, which may take the payload
	c.events.received()
	if err := c.codec.unmarshal(p, m); err != nil {
		return err
	}
	c.events.handler.HandleRPC(c.events.ctx, &stats.InPayload{
		Client:           true,
		RecvTime:         time.Now(),
		Payload:          m,
		Length:           size,
		WireLength:       size + messageHeader,
		CompressedLength: size,
	})
	return nil
}

// statusReceived reports whether the client has the server's status.
func (c *call) statusReceived() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received != nil
}
