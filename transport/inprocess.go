package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

// InProcess returns the transport without HTTP/2: messages are encoded, handed
// to the handler and decoded, interceptors included, for a fraction of what a
// connection costs. Package inproc says how little of it differs from one.
//
// There is no grpc.Server in it, nor a grpc.ClientConn that connects. Open
// refuses a ServerConfig with Options, DialOptions or GRPC, since it could not
// honour them.
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

		ClientStatsHandlers: s.ClientStatsHandlers,
	})
	s.Register(server)
	var defaults []grpc.CallOption
	if s.MaxSendMsgSize > 0 {
		defaults = append(defaults, grpc.MaxCallRecvMsgSize(s.MaxSendMsgSize))
	}
	conn := server.Connect(defaults...)
	calls, err := intercept(conn, s)
	if err != nil {
		_ = conn.Close() // never fails
		return nil, fmt.Errorf("transport %s: %w", t.Name(), err)
	}
	return &inProcessConn{
		clientConn: calls,
		name:       t.Name(),
		server:     server,
		conn:       conn,
		drain:      s.DrainTimeout,
	}, nil
}

// A clientConn is an inproc.Conn, or one with interceptors before it.
type clientConn interface {
	grpc.ClientConnInterface
	io.Closer
}

// intercept runs the client interceptors of s before conn. It has grpc-go chain
// them, in a grpc.ClientConn that stays idle: its innermost interceptors call
// conn. So interceptors also have a ClientConn to look at.
func intercept(conn *inproc.Conn, s ServerConfig) (clientConn, error) {
	if len(s.UnaryClientInterceptors) == 0 && len(s.StreamClientInterceptors) == 0 {
		return conn, nil
	}
	unary := func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return conn.Invoke(ctx, method, req, reply, opts...)
	}
	stream := func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, _ grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return conn.NewStream(ctx, desc, method, opts...)
	}
	return grpc.NewClient("passthrough:///inproc",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(append(slices.Clip(s.UnaryClientInterceptors), unary)...),
		grpc.WithChainStreamInterceptor(append(slices.Clip(s.StreamClientInterceptors), stream)...),
	)
}

func (inProcessTransport) check(ctx context.Context, s ServerConfig) error {
	switch {
	case s.GRPC != nil:
		return errors.New("ServerConfig.GRPC cannot be served: there is no listener to give to a grpc.Server; use Register, or unix or bufconn")
	case len(s.Options) > 0:
		return fmt.Errorf("ServerConfig.Options cannot be honoured: %d grpc.ServerOption given and no grpc.Server to give them to; "+
			"use the fields of ServerConfig, or unix or bufconn", len(s.Options))
	case len(s.DialOptions) > 0:
		return fmt.Errorf("ServerConfig.DialOptions cannot be honoured: %d grpc.DialOption given and no grpc.ClientConn that dials; "+
			"use the fields of ServerConfig, or unix or bufconn", len(s.DialOptions))
	}
	if err := s.check(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// inProcessConn is a Conn without a listener.
type inProcessConn struct {
	clientConn
	name   string
	server *inproc.Server
	conn   *inproc.Conn
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
	_ = c.conn.Close()       // never fails
	_ = c.clientConn.Close() // the same one, or one that never connected
	if err != nil {
		return fmt.Errorf("transport %s: closing: %w", c.name, err)
	}
	return nil
}
