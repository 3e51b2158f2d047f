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

// InProcess returns the transport without HTTP/2, with [inproc] as its
// channel. Messages are encoded, passed to the handler and decoded, for a
// fraction of the cost of a connection. Interceptors run as on a connection.
// The documentation of package inproc lists the differences.
//
// It has no grpc.Server and no grpc.ClientConn that connects, so Open refuses
// a ServerConfig with Options, DialOptions or GRPC.
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

// intercept returns conn behind the client interceptors of s. grpc-go chains
// them, in an idle grpc.ClientConn whose innermost interceptors call conn.
// The interceptors can also inspect that ClientConn.
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
		return errors.New("ServerConfig.GRPC is not supported, since there is no listener for a grpc.Server: use Register, or unix or bufconn")
	case len(s.Options) > 0:
		return fmt.Errorf("ServerConfig.Options are not supported (%d given), since there is no grpc.Server: "+
			"use the fields of ServerConfig, or unix or bufconn", len(s.Options))
	case len(s.DialOptions) > 0:
		return fmt.Errorf("ServerConfig.DialOptions are not supported (%d given), since no grpc.ClientConn dials: "+
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
