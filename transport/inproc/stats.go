package inproc

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// messageHeader is the length in bytes of the prefix of each message in gRPC.
// Payload events include it, so that their sizes are those of a connection.
const messageHeader = 5

// statsHandlers combines several handlers into one.
type statsHandlers []stats.Handler

func combineStats(handlers []stats.Handler) stats.Handler {
	switch len(handlers) {
	case 0:
		return nil
	case 1:
		return handlers[0]
	}
	return statsHandlers(handlers)
}

func (hs statsHandlers) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	for _, h := range hs {
		ctx = h.TagRPC(ctx, info)
	}
	return ctx
}

func (hs statsHandlers) HandleRPC(ctx context.Context, event stats.RPCStats) {
	for _, h := range hs {
		h.HandleRPC(ctx, event)
	}
}

func (hs statsHandlers) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	for _, h := range hs {
		ctx = h.TagConn(ctx, info)
	}
	return ctx
}

func (hs statsHandlers) HandleConn(ctx context.Context, event stats.ConnStats) {
	for _, h := range hs {
		h.HandleConn(ctx, event)
	}
}

// The methods below report the events of one call. They do nothing without a
// stats handler.

func (c *call) reportHeader() {
	h := c.conn.server.stats
	if h == nil {
		return
	}
	c.ctx = h.TagRPC(c.ctx, &stats.RPCTagInfo{FullMethodName: c.method})
	h.HandleRPC(c.ctx, &stats.InHeader{
		FullMethod: c.method,
		RemoteAddr: c.conn.peer.Addr,
		LocalAddr:  c.conn.peer.LocalAddr,
		Header:     c.base.header(),
	})
}

func (c *call) reportBegin(clientStream, serverStream bool) {
	if h := c.conn.server.stats; h != nil {
		begun := time.Now()
		c.begun = &begun
		h.HandleRPC(c.ctx, &stats.Begin{BeginTime: begun, IsClientStream: clientStream, IsServerStream: serverStream})
	}
}

func (c *call) reportReceived(m any, size int) {
	if h := c.conn.server.stats; h != nil {
		h.HandleRPC(c.ctx, &stats.InPayload{
			RecvTime:         time.Now(),
			Payload:          m,
			Length:           size,
			WireLength:       size + messageHeader,
			CompressedLength: size,
		})
	}
}

func (c *call) reportSent(m any, size int) {
	if h := c.conn.server.stats; h != nil {
		h.HandleRPC(c.ctx, &stats.OutPayload{
			Payload:          m,
			Length:           size,
			WireLength:       size + messageHeader,
			CompressedLength: size,
			SentTime:         time.Now(),
		})
	}
}

func (c *call) reportHeaderSent(header metadata.MD) {
	if h := c.conn.server.stats; h != nil {
		h.HandleRPC(c.ctx, &stats.OutHeader{Header: clone(header)})
	}
}

func (c *call) reportTrailerSent(trailer metadata.MD) {
	if h := c.conn.server.stats; h != nil {
		h.HandleRPC(c.ctx, &stats.OutTrailer{Trailer: clone(trailer)})
	}
}

func (c *call) reportEnd(err error) {
	if begun := c.begun; begun != nil {
		c.begun = nil
		c.conn.server.stats.HandleRPC(c.ctx, &stats.End{BeginTime: *begun, EndTime: time.Now(), Error: statusError(err)})
	}
}
