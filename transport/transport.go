// Package transport connects a gRPC client to a gRPC server inside one process:
// over a Unix socket, an in-memory listener, loopback TCP, or a channel without
// HTTP/2. What runs on one runs on all of them, interceptors included.
//
// A [Transport] is a recipe. Its Open serves what a [ServerConfig] describes and
// returns a [Conn] to it; closing the Conn stops the server and removes all
// that Open made. The package knows nothing of HTTP gateways or of Lambda.
package transport

import (
	"context"
	"io"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// A Transport opens connections to gRPC servers inside this process. It holds
// no state of its own: it can be opened again, also while an earlier Conn is
// in use, and is safe for concurrent use.
type Transport interface {
	// Name is the word that [Parse] knows it by, such as "unix".
	Name() string

	// Open starts serving s, connects to it and waits until the connection is
	// ready or ctx ends. ctx bounds only the opening. After an error nothing
	// is left running and no file is left behind.
	Open(ctx context.Context, s ServerConfig) (Conn, error)
}

// A Conn is a channel to the server it was opened with. It is safe for
// concurrent use.
type Conn interface {
	grpc.ClientConnInterface

	// Close refuses new calls, lets those in flight finish, cancels what is
	// left after [ServerConfig.DrainTimeout], waits for every goroutine that Open
	// started and removes every file that it made. A handler that goes on for
	// another DrainTimeout after it was cancelled is left behind, and Close
	// says so in its error. Later calls do nothing and return nil.
	io.Closer

	// Transport is the name of the transport that carries the calls. For a
	// [FirstOf] it is the one that was opened.
	Transport() string
}

// ServerConfig describes a gRPC server, so that any transport can serve it.
type ServerConfig struct {
	// Register registers the services. It is called once per Open.
	Register func(grpc.ServiceRegistrar)

	// Interceptors run in the order given, the first one outermost.
	UnaryInterceptors  []grpc.UnaryServerInterceptor
	StreamInterceptors []grpc.StreamServerInterceptor

	// StatsHandlers see the events of the server's side.
	StatsHandlers []stats.Handler

	// MaxRecvMsgSize is the largest request in bytes that the server accepts,
	// MaxSendMsgSize the largest response that it sends and that the Conn
	// accepts. Zero means grpc's defaults: 4 MiB for what is received, no
	// limit for what is sent. A larger message fails with ResourceExhausted.
	MaxRecvMsgSize int
	MaxSendMsgSize int

	// Options are passed to grpc.NewServer after the transport's own and those
	// that follow from the fields above, all of which they override. Transports
	// without a grpc.Server refuse them.
	Options []grpc.ServerOption

	// GRPC, when set, is served instead of what the fields above describe, all
	// of which must then be zero. Closing the Conn stops it, and with it its
	// other listeners. Transports without a grpc.Server refuse it.
	GRPC *grpc.Server

	// DrainTimeout is how long Close waits for calls in flight before it
	// cancels them. Zero means 5 seconds.
	DrainTimeout time.Duration

	// Logger receives warnings, such as those of [FirstOf]. Nil means
	// slog.Default().
	Logger *slog.Logger
}
