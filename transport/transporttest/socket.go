package transporttest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A socket is the transport that others are compared with: grpc-go over a
// Unix socket with default settings. It is separate from transport.Unix,
// which is itself tested.
type socket struct{}

func (socket) Name() string { return "socket" }

func (socket) Open(_ context.Context, s transport.ServerConfig) (transport.Conn, error) {
	dir, err := os.MkdirTemp("", "transporttest-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.UnaryInterceptors...),
		grpc.ChainStreamInterceptor(s.StreamInterceptors...),
	}
	for _, h := range s.StatsHandlers {
		options = append(options, grpc.StatsHandler(h))
	}
	var defaults []grpc.CallOption
	if s.MaxRecvMsgSize > 0 {
		options = append(options, grpc.MaxRecvMsgSize(s.MaxRecvMsgSize))
	}
	if s.MaxSendMsgSize > 0 {
		options = append(options, grpc.MaxSendMsgSize(s.MaxSendMsgSize))
		defaults = append(defaults, grpc.MaxCallRecvMsgSize(s.MaxSendMsgSize))
	}
	c := &socketConn{server: grpc.NewServer(options...), dir: dir, drain: s.DrainTimeout, served: make(chan struct{})}
	s.Register(c.server)
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener) // ends with the server
	}()
	c.ClientConn, err = grpc.NewClient("unix:"+path,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(defaults...))
	return c, err
}

type socketConn struct {
	*grpc.ClientConn
	server *grpc.Server
	dir    string
	drain  time.Duration
	served chan struct{}
}

func (*socketConn) Transport() string { return "socket" }

func (c *socketConn) Close() error {
	drain := c.drain
	if drain == 0 {
		drain = 5 * time.Second
	}
	timer := time.AfterFunc(drain, c.server.Stop)
	defer timer.Stop()
	c.server.GracefulStop()
	_ = c.ClientConn.Close()
	<-c.served
	return os.RemoveAll(c.dir)
}
