package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// InProcess returns the transport without HTTP/2: messages are encoded, handed
// to the handler and decoded, interceptors included, for a fraction of what a
// connection costs. Package inproc says how little of it differs from one.
//
// There is no grpc.Server in it. Open refuses a ServerConfig with Options or GRPC,
// since it could not honour them.
func InProcess() Transport { return inProcessTransport{} }

type inProcessTransport struct{}

func (inProcessTransport) Name() string { return "inproc" }

func (t inProcessTransport) Open(ctx context.Context, s ServerConfig) (Conn, error) {
	if err := t.check(ctx, s); err != nil {
		return nil, fmt.Errorf("transport %s: %w", t.Name(), err)
	}
	server := inproc.NewServer(inproc.Config{
		UnaryInterceptors:  s.UnaryInterceptors,
		StreamInterceptors: s.StreamInterceptors,
		StatsHandlers:      s.StatsHandlers,
		MaxRecvMsgSize:     s.MaxRecvMsgSize,
		MaxSendMsgSize:     s.MaxSendMsgSize,
	})
	s.Register(server)
	var defaults []grpc.CallOption
	if s.MaxSendMsgSize > 0 {
		defaults = append(defaults, grpc.MaxCallRecvMsgSize(s.MaxSendMsgSize))
	}
	return &inProcessConn{
		Conn:   server.Connect(defaults...),
		name:   t.Name(),
		server: server,
		drain:  s.DrainTimeout,
	}, nil
}

func (inProcessTransport) check(ctx context.Context, s ServerConfig) error {
	switch {
	case s.GRPC != nil:
		return errors.New("ServerConfig.GRPC cannot be served: there is no listener to give to a grpc.Server; use Register, or unix or bufconn")
	case len(s.Options) > 0:
		return fmt.Errorf("ServerConfig.Options cannot be honoured: %d grpc.ServerOption given and no grpc.Server to give them to; "+
			"use the fields of ServerConfig, or unix or bufconn", len(s.Options))
	}
	if err := s.check(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// inProcessConn is a Conn without a listener.
type inProcessConn struct {
	*inproc.Conn
	name   string
	server *inproc.Server
	drain  time.Duration
	once   sync.Once
}

func (c *inProcessConn) Transport() string { return c.name }

func (c *inProcessConn) Close() (err error) {
	c.once.Do(func() { err = c.close() })
	return err
}

func (c *inProcessConn) close() error {
	err := stop(c.server, c.drain)
	_ = c.Conn.Close() // never fails
	if err != nil {
		return fmt.Errorf("transport %s: closing: %w", c.name, err)
	}
	return nil
}
