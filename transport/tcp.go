package transport

import (
	"context"
	"net"
)

// TCP returns the transport that listens on addr, a host:port as for
// [net.Listen]. Port 0 picks a free port. Anyone who can reach addr can call
// the server, so use a loopback address unless you want that.
func TCP(addr string) Transport { return tcpTransport{addr} }

type tcpTransport struct{ addr string }

func (tcpTransport) Name() string { return "tcp" }

func (t tcpTransport) Open(ctx context.Context, s ServerConfig) (Conn, error) {
	return openListener(ctx, t.Name(), s, func(ctx context.Context) (*endpoint, error) {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", t.addr)
		if err != nil {
			return nil, err // names the address
		}
		return &endpoint{Listener: l, dial: dialer(l)}, nil
	})
}
