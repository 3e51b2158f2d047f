package service

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// reopenTimeout bounds the reopening of a lost transport.
const reopenTimeout = 10 * time.Second

// connection is the transport of a Service. It reopens the transport when it
// is lost. A call uses the Conn that is open when it begins.
type connection struct {
	transport transport.Transport
	server    transport.ServerConfig
	logger    *slog.Logger
	opened    func(transport.Conn) // called for each Conn, before calls use it
	current   atomic.Pointer[transport.Conn]
	lost      chan struct{} // closed when the transport cannot be opened again

	closing  context.Context
	close    context.CancelFunc
	watching sync.WaitGroup
}

func (c *connection) open(ctx context.Context) error {
	conn, err := c.transport.Open(ctx, c.server)
	if err != nil {
		return err
	}
	c.use(conn)
	c.lost = make(chan struct{})
	c.closing, c.close = context.WithCancel(context.WithoutCancel(ctx))
	if _, ok := conn.(lostNotifier); ok {
		c.watching.Go(c.watch)
	}
	return nil
}

func (c *connection) use(conn transport.Conn) {
	c.opened(conn)
	c.current.Store(&conn)
}

// lostNotifier is a Conn that reports when it has broken for good.
type lostNotifier interface {
	// Lost returns a channel that is closed when the connection cannot be
	// made again.
	Lost() <-chan struct{}
}

// watch replaces each lost Conn until one cannot be replaced.
func (c *connection) watch() {
	for {
		conn, ok := c.conn().(lostNotifier)
		if !ok {
			return
		}
		select {
		case <-c.closing.Done():
			return
		case <-conn.Lost():
		}
		if err := c.reopen(); err != nil {
			if c.closing.Err() == nil {
				c.logger.Error("transport lost, and not opened again", "transport", c.transport.Name(), "error", err)
				close(c.lost)
			}
			return
		}
	}
}

func (c *connection) reopen() error {
	ctx, cancel := context.WithTimeout(c.closing, reopenTimeout)
	defer cancel()
	old := c.conn()
	conn, err := c.transport.Open(ctx, c.server)
	if err != nil {
		return err
	}
	c.use(conn)
	c.logger.Warn("transport lost and opened again", "transport", conn.Transport(), "lost", old.Transport())
	c.watching.Go(func() { // handlers may be running
		if err := old.Close(); err != nil {
			c.logger.Warn("closing the transport that was lost", "error", err)
		}
	})
	return nil
}

func (c *connection) conn() transport.Conn { return *c.current.Load() }

// Close stops watching and closes the transport.
func (c *connection) Close() error {
	c.close()
	c.watching.Wait() // then no other Conn can follow
	return c.conn().Close()
}

func (c *connection) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.conn().Invoke(ctx, method, args, reply, opts...)
}

func (c *connection) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.conn().NewStream(ctx, desc, method, opts...)
}
