package transport

import (
	"context"

	"google.golang.org/grpc/test/bufconn"
)

// Bufconn returns the transport that uses HTTP/2 over memory. It needs no
// file system and no sockets, and is cheaper than [Unix].
func Bufconn() Transport { return bufconnTransport{} }

type bufconnTransport struct{}

func (bufconnTransport) Name() string { return "bufconn" }

// bufconnBuffer is the size in bytes of each of a connection's two buffers.
// Larger ones are not faster.
const bufconnBuffer = 64 << 10

func (t bufconnTransport) Open(ctx context.Context, s ServerConfig) (Conn, error) {
	return openListener(ctx, t.Name(), s, func(context.Context) (*endpoint, error) {
		l := bufconn.Listen(bufconnBuffer)
		return &endpoint{Listener: l, dial: l.DialContext}, nil
	})
}
