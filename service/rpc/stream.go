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

	forwarded := make(chan struct{})
	go func() {
		defer close(forwarded)
		if err := c.forwardRequests(server); err != nil {
			cancel(err)
		}
	}()
	err = c.forwardResponses(ctx, server)
	var failed *connect.Error
	if err != nil && errors.As(context.Cause(ctx), &failed) {
		err = failed // the call was cancelled because of it
	}
	interruptReading(ctx, forwarded)
	<-forwarded
	return err
}

// interruptReading ends the reading of requests that nobody waits for any more.
func interruptReading(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
		return
	default:
	}
	x := exchangeFrom(ctx)
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

// forwardRequests passes on the messages of the client until their end or that
// of the call. Its error is the client's.
func (c *call) forwardRequests(server grpc.ClientStream) error {
	for {
		var request frame
		err := c.receive(&request)
		if errors.Is(err, io.EOF) {
			_ = server.CloseSend()
			return nil
		}
		if err != nil {
			return err
		}
		if server.SendMsg(&request) != nil {
			return nil // likewise
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
			return c.send(&response)
		}
		if err := c.send(&response); err != nil {
			return err
		}
	}
}
