package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

// An endpoint is a listener and the way to reach it: what a transport that
// speaks HTTP/2 has to provide. Everything else is the same for all of them.
type endpoint struct {
	net.Listener
	dial    func(context.Context) (net.Conn, error)
	cleanup func() error // removes what the listener's Close leaves; may be nil
}

// dialer reaches l by its address.
func dialer(l net.Listener) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, l.Addr().Network(), l.Addr().String())
	}
}

// listenerConn is the Conn of every transport that has a listener.
type listenerConn struct {
	*grpc.ClientConn
	name    string
	server  *grpc.Server
	drain   time.Duration
	cleanup func() error
	served  chan struct{} // closed when Serve has returned
	once    sync.Once
}

func (c *listenerConn) Transport() string { return c.name }

// openListener serves s on what listen returns and connects to it.
func openListener(ctx context.Context, name string, s ServerConfig, listen func() (endpoint, error)) (Conn, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("transport %s: %w", name, err)
	}
	if err := context.Cause(ctx); err != nil { // the connection may be ready before anybody looks
		return nil, fmt.Errorf("transport %s: %w", name, err)
	}
	e, err := listen()
	if err != nil {
		return nil, fmt.Errorf("transport %s: %w", name, err)
	}
	c := &listenerConn{
		name:    name,
		server:  s.GRPC,
		drain:   s.DrainTimeout,
		cleanup: e.cleanup,
		served:  make(chan struct{}),
	}
	if c.server == nil {
		s.Options = append(tunedOptions(), s.Options...)
		c.server = s.NewServer()
	}
	var serveErr error
	go func() {
		defer close(c.served)
		serveErr = c.server.Serve(e)
	}()

	var dialErr lastError
	c.ClientConn, err = grpc.NewClient("passthrough:///"+name, clientOptions(s, func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := e.dial(ctx)
		dialErr.set(err)
		return conn, err
	})...)
	if err == nil {
		err = waitReady(ctx, c.ClientConn)
	}
	if err != nil {
		closeErr := c.Close() // joins Serve, so that serveErr can be read
		return nil, fmt.Errorf("transport %s: connecting: %w", name, errors.Join(err, dialErr.get(), serveErr, closeErr))
	}
	return c, nil
}

// waitReady connects cc and returns once it is ready. A server that listens
// already has no reason to fail, so the first failure is final.
func waitReady(ctx context.Context, cc *grpc.ClientConn) error {
	cc.Connect()
	for {
		state := cc.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return fmt.Errorf("channel is in %s", state)
		}
		if !cc.WaitForStateChange(ctx, state) {
			return context.Cause(ctx)
		}
	}
}

func (c *listenerConn) Close() (err error) {
	c.once.Do(func() { err = c.close() })
	return err
}

func (c *listenerConn) close() error {
	errs := []error{Stop(c.server, c.drain)}
	if c.ClientConn != nil {
		errs = append(errs, c.ClientConn.Close())
	}
	<-c.served
	if c.cleanup != nil {
		errs = append(errs, c.cleanup())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("transport %s: closing: %w", c.name, err)
	}
	return nil
}

// lastError remembers why a dial failed: the channel only says that it did.
type lastError struct {
	mu  sync.Mutex
	err error
}

func (e *lastError) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *lastError) get() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// flowWindow is how many bytes of a stream, and of all streams together, may
// be on their way in each direction. A fixed window does without grpc's
// estimate of bandwidth times delay, which costs a ping for nearly every
// message and has nothing to find out inside one process. From 256 KiB on large
// messages are no slower than with the estimate.
const flowWindow = 256 << 10

// maxHeaderListSize is the largest header list, of requests and of responses,
// in bytes as RFC 9113, section 6.5.2 counts it. Each side tells it to the
// other, which then fails a call that exceeds it, alone. With grpc's default of
// 16 MiB, which is told to nobody, such a call ends the connection, and with it
// every other call.
const maxHeaderListSize = 1 << 20

// tunedOptions are those that make a server's calls measurably faster when the
// client is in the same process: see the benchmarks in bench, which compare
// them with grpc's defaults. [ServerConfig.Options] come after them and override
// them.
func tunedOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		// Goroutines that wait for calls need not grow a new stack for each.
		// When all are busy, a call gets a new goroutine, as without them.
		grpc.NumStreamWorkers(4),
		grpc.StaticStreamWindowSize(flowWindow),
		grpc.StaticConnWindowSize(flowWindow),
		grpc.MaxHeaderListSize(maxHeaderListSize),
	}
}

func clientOptions(s ServerConfig, dial func(context.Context, string) (net.Conn, error)) []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dial),
		grpc.WithAuthority("localhost"),
		grpc.WithIdleTimeout(0), // nothing to save by disconnecting, a reconnect to pay
		grpc.WithStaticStreamWindowSize(flowWindow),
		grpc.WithStaticConnWindowSize(flowWindow),
		grpc.WithMaxHeaderListSize(maxHeaderListSize),
	}
	if s.MaxSendMsgSize > 0 {
		options = append(options, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(s.MaxSendMsgSize)))
	}
	return options
}
