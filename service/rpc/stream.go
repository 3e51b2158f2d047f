package rpc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc"
)

// streaming serves a call where one side or both send a stream.
func (c *call) streaming(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server, err := c.cc.NewStream(ctx, &c.stream, c.spec.Procedure, grpc.ForceCodecV2(passThrough{}))
	if err != nil {
		return c.failure(ctx, err)
	}
	if !c.stream.ClientStreams {
		if err := c.forwardRequest(server); err != nil {
			return err
		}
		return c.forwardResponses(ctx, server)
	}

	c.forwarded = make(chan struct{})
	go func() {
		defer close(c.forwarded)
		if err := c.forwardRequests(server); err != nil && !c.stopping.Load() {
			cancel(err)
		}
	}()
	err = c.forwardResponses(ctx, server)
	c.stopReading(ctx)
	var failed *connect.Error
	if err != nil && errors.As(context.Cause(ctx), &failed) {
		return failed // the call was cancelled because of it
	}
	return err
}

// stopReading ends the reading of requests that nobody waits for any more.
func (c *call) stopReading(ctx context.Context) {
	if c.forwarded == nil {
		return
	}
	c.stopping.Store(true)
	if x := exchangeFrom(ctx); !c.drained.Load() && !x.buffered {
		x.interruptReading(c.forwarded)
	}
	<-c.forwarded
}

// drainTime is how long a client of HTTP/1.1 may still send when the service has
// ended the call. One that has not finished by then loses its connection, and
// perhaps the response with it.
const drainTime = 500 * time.Millisecond

// interruptReading makes a Read of the request's body return that waits for the
// client, unless reading is done soon.
func (x *exchange) interruptReading(done <-chan struct{}) {
	if x.r.ProtoMajor < 2 {
		timer := time.NewTimer(drainTime)
		defer timer.Stop()
		select {
		case <-done:
			return
		case <-timer.C:
		}
		// The deadline is the connection's, and a read that fails because of it
		// cancels the context of all later requests on it (handleReadError in
		// net/http/server.go): there must be none.
		x.w.Header().Set("Connection", "close")
	}
	if http.NewResponseController(x.w).SetReadDeadline(time.Unix(1, 0)) != nil {
		_ = x.r.Body.Close()
	}
}

// forwardRequest passes on the only message of the client.
func (c *call) forwardRequest(server grpc.ClientStream) error {
	var request frame
	if err := c.receive(&request); err != nil {
		return err
	}
	_ = server.SendMsg(&request) // forwardResponses learns how the call ended
	_ = server.CloseSend()
	return nil
}

// forwardRequests passes on the messages of the client until their end. Those
// that come after the end of the call are dropped. Its error is the client's.
func (c *call) forwardRequests(server grpc.ClientStream) error {
	ended := false
	for {
		var request frame
		err := c.receive(&request)
		if err != nil {
			c.drained.Store(true) // before the service can answer because of it
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = server.CloseSend()
			return nil
		case err != nil:
			return err
		case !ended:
			ended = server.SendMsg(&request) != nil // forwardResponses learns how
		}
	}
}

// forwardResponses passes on what the service sends, until the end of the call.
func (c *call) forwardResponses(ctx context.Context, server grpc.ClientStream) error {
	if header, err := server.Header(); err == nil {
		c.config.copyMetadata(c.info.ResponseHeader(), header)
		if c.stream.ServerStreams && len(header) > 0 {
			if err := c.client.SendHeaders(); err != nil {
				return err
			}
		}
	}
	for {
		var response frame
		if err := server.RecvMsg(&response); err != nil {
			c.config.copyMetadata(c.info.ResponseTrailer(), server.Trailer())
			if errors.Is(err, io.EOF) {
				return nil
			}
			return c.failure(ctx, err)
		}
		if !c.stream.ServerStreams {
			// The only response comes with the status: there is nothing after it.
			c.config.copyMetadata(c.info.ResponseTrailer(), server.Trailer())
			c.stopReading(ctx) // while the header can still be changed
			return c.send(&response)
		}
		if err := c.send(&response); err != nil {
			return err
		}
	}
}
