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

// streaming serves a call with a stream in one or both directions.
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
		return failed // the call was cancelled because of this error
	}
	return err
}

// stopReading ends the reading of requests that are no longer needed.
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

// drainTime is how long an HTTP/1.1 client may continue to send after the
// service has ended the call. The connection of a client that takes longer is
// closed, which may lose the response.
const drainTime = 500 * time.Millisecond

// interruptReading interrupts a Read of the request's body that waits for the
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
		// The deadline applies to the connection. A read that fails because
		// of it cancels the contexts of all later requests on it
		// (handleReadError in net/http/server.go), so the connection must be
		// closed.
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
	_ = server.SendMsg(&request) // forwardResponses gets the error
	_ = server.CloseSend()
	return nil
}

// forwardRequests passes on the messages of the client until the last one. It
// drops those that come after the end of the call. It returns only errors of
// the client.
func (c *call) forwardRequests(server grpc.ClientStream) error {
	ended := false
	for {
		var request frame
		err := c.receive(&request)
		if err != nil {
			c.drained.Store(true) // before the service can react to the end
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = server.CloseSend()
			return nil
		case err != nil:
			return err
		case !ended:
			ended = server.SendMsg(&request) != nil // forwardResponses gets the error
		}
	}
}

// forwardResponses passes on the messages of the service until the end of the
// call.
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
			// The only response comes together with the status.
			c.config.copyMetadata(c.info.ResponseTrailer(), server.Trailer())
			c.stopReading(ctx) // while the header can still be changed
			return c.send(&response)
		}
		if err := c.send(&response); err != nil {
			return err
		}
	}
}
