package inproc

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// A handlerContext is the context of a handler. It has none of the client's
// values. It ends with the client's context, with the connection, and when
// the handler has returned.
//
// It consists of two contexts, one for the values and one for the
// cancellation. Most handlers need little of it, so each is made on first
// use.
type handlerContext struct {
	conn     *Conn
	call     grpc.ServerTransportStream
	deadline time.Time // zero if there is none

	// metadata is what the call adds to the connection's metadata. Once values
	// is set, it is all of the request's, and only the caller of RequestMetadata
	// changes it.
	metadata metadata.MD

	mu     sync.Mutex
	err    error // set once the context has ended
	values context.Context
	ending context.Context
	cancel context.CancelFunc // of ending
}

func (c *handlerContext) Deadline() (time.Time, bool) {
	return c.deadline, !c.deadline.IsZero()
}

func (c *handlerContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil {
		if c.deadline.IsZero() {
			c.ending, c.cancel = context.WithCancel(context.Background())
		} else {
			c.ending, c.cancel = context.WithDeadline(context.Background(), c.deadline)
		}
		if c.err != nil {
			c.cancel()
		}
	}
	return c.ending.Done()
}

func (c *handlerContext) Err() error {
	c.mu.Lock()
	err := c.err
	if c.ending != nil {
		err = c.ending.Err() // consistent with Done
	} else if err == nil && !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		err = context.DeadlineExceeded
	}
	c.mu.Unlock()
	return err
}

func (c *handlerContext) Value(key any) any {
	c.mu.Lock()
	c.makeValues()
	values, ending := c.values, c.ending
	c.mu.Unlock()
	if v := values.Value(key); v != nil || ending == nil {
		return v
	}
	// After calling Done, the context package finds the parent to be
	// cancelled with by looking up a value.
	return ending.Value(key)
}

// makeValues sets values on first use. c.mu must be held.
func (c *handlerContext) makeValues() {
	if c.values == nil {
		c.values = grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(c.conn.ctx, c.conn.handlerMetadata(c.metadata)), c.call)
	}
}

// requestMetadata returns the metadata in the context itself, not a copy, or nil
// if the calls of the connection share it.
func (c *handlerContext) requestMetadata() metadata.MD {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.makeValues()
	return c.metadata
}

// header returns a copy of the request's metadata.
func (c *handlerContext) header() metadata.MD {
	if md := c.requestMetadata(); md != nil {
		return clone(md)
	}
	return clone(c.conn.metadata)
}

// end cancels the context. err is context.Canceled, or
// context.DeadlineExceeded after the deadline.
func (c *handlerContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	if c.cancel == nil {
		return
	}
	// At its deadline the context ends by itself, with the right error.
	if errors.Is(err, context.DeadlineExceeded) && !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		return
	}
	c.cancel()
}

// ended returns the error of the context after end.
func (c *handlerContext) ended() error {
	if err := c.Err(); err != nil {
		return err
	}
	return context.Canceled
}
