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

// A Conn whose connection can break (unix, tcp, bufconn) connects again by
// itself at the next call, and listens again if its listener can no longer be
// reached, for example because its socket was removed. Such a Conn also has
// the method
//
//	Lost() <-chan struct{}
//
// The channel is closed when a connection cannot be made again, because no
// listener can be made or because the grpc.Server was stopped by someone other
// than Close. Calls then fail with Unavailable; open the transport again. Close
// does not close the channel.

// ServerConfig describes a gRPC server, so that any transport can serve it.
type ServerConfig struct {
	// Register registers the services. It is called once per Open.
	Register func(grpc.ServiceRegistrar)

	// Interceptors run in the order given, the first one outermost.
	UnaryInterceptors  []grpc.UnaryServerInterceptor
	StreamInterceptors []grpc.StreamServerInterceptor

	// StatsHandlers see the events of the server's side.
	StatsHandlers []stats.Handler

	// Client interceptors run in the order given, the first one outermost.
	// Their *grpc.ClientConn is for looking at, as in cc.Target(): calls go
	// through the invoker or the streamer.
	UnaryClientInterceptors  []grpc.UnaryClientInterceptor
	StreamClientInterceptors []grpc.StreamClientInterceptor

	// ClientStatsHandlers see the events of the Conn's side. Outgoing metadata
	// that their TagRPC adds to the context is sent.
	ClientStatsHandlers []stats.Handler

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

	// DialOptions are passed to grpc.NewClient after the transport's own and
	// those that follow from the fields above, all of which they override.
	// Transports without a grpc.ClientConn refuse them.
	DialOptions []grpc.DialOption

	// GRPC, when set, is served instead of what the fields above describe. Those
	// of the server's side must then be zero; those of the client's side,
	// DialOptions included, apply. The Conn accepts responses of any size, since
	// the server has a limit of its own (grpc.MaxSendMsgSize);
	// grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(n)) in DialOptions
	// sets a lower one. Closing the Conn stops the server, and with it its other
	// listeners. Transports without a grpc.Server refuse it.
	GRPC *grpc.Server

	// DrainTimeout is how long Close waits for calls in flight before it
	// cancels them. Zero means 5 seconds.
	DrainTimeout time.Duration

	// Logger receives warnings, such as those of [FirstOf]. Nil means
	// slog.Default().
	Logger *slog.Logger
}
