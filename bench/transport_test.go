package bench_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/echo"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// registerServer is the name of the way without any transport.
const registerServer = "register-server"

func transports() []string { return []string{"unix", "bufconn", "inproc", "tcp"} }

// untuned are the names of [grpcDefaults].
func untuned() []string { return []string{"unix-default", "bufconn-default"} }

// parse returns the transport of that name. Sockets are in a directory of
// their own, which is as empty as /tmp is on Lambda.
func parse(b *testing.B, name string) transport.Transport {
	switch name {
	case "unix":
		return transport.Unix(shortDir(b))
	case "unix-default", "bufconn-default":
		return grpcDefaults{name, shortDir(b)}
	}
	t, err := transport.Parse(name)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// shortDir is b.TempDir with a path that leaves room for a socket's.
func shortDir(b *testing.B) string {
	dir, err := os.MkdirTemp("", "bench")
	must(b, err)
	b.Cleanup(func() { must(b, os.RemoveAll(dir)) })
	return dir
}

// open opens a transport with the example services and no interceptors.
func open(b *testing.B, name string) transport.Conn {
	conn, err := parse(b, name).Open(b.Context(), plainServer())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
	})
	return conn
}

func plainServer() transport.ServerConfig {
	return transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
		examplev1.RegisterPingServiceServer(r, ping.Service{})
		examplev1.RegisterEchoServiceServer(r, echo.Service{})
	}}
}

// grpcDefaults is unix and bufconn as one who reads grpc-go's documentation
// would write them, without any option but those that it needs to work.
type grpcDefaults struct{ name, dir string }

func (t grpcDefaults) Name() string { return t.name }

func (t grpcDefaults) Open(_ context.Context, s transport.ServerConfig) (transport.Conn, error) {
	var l net.Listener
	var dial func(context.Context, string) (net.Conn, error)
	target := "passthrough:///bufconn"
	if t.name == "bufconn-default" {
		pipe := bufconn.Listen(64 << 10)
		dial = func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }
		l = pipe
	} else {
		path := filepath.Join(t.dir, "s")
		var err error
		if l, err = net.Listen("unix", path); err != nil {
			return nil, err
		}
		target = "unix:" + path
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(s.UnaryInterceptors...),
		grpc.ChainStreamInterceptor(s.StreamInterceptors...),
	)
	s.Register(server)
	go func() { _ = server.Serve(l) }()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if dial != nil {
		options = append(options, grpc.WithContextDialer(dial))
	}
	cc, err := grpc.NewClient(target, options...)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &defaultConn{cc, server, t.name}, nil
}

type defaultConn struct {
	*grpc.ClientConn
	server *grpc.Server
	name   string
}

func (c *defaultConn) Transport() string { return c.name }

func (c *defaultConn) Close() error {
	err := c.ClientConn.Close()
	c.server.Stop()
	return err
}
