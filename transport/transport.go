// Package transport connects a gRPC client to a gRPC server within one
// process. The connection is a Unix socket, an in-memory listener, loopback
// TCP, or a channel without HTTP/2. The same services and interceptors run on
// each of them.
//
// [Transport.Open] starts the server that a [ServerConfig] describes and
// returns a [Conn] to it. Closing the Conn stops the server and removes
// everything that Open made. [Serve] serves other clients. The package does not
// depend on HTTP gateways or on Lambda.
package transport

import (
	"context"
	"io"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// A Transport opens connections to gRPC servers within this process. It has
// no state and can be opened several times, even while an earlier Conn is in
// use. It is safe for concurrent use.
type Transport interface {
	// Name returns the name of the transport, such as "unix", as [Parse]
	// accepts it.
	Name() string

	// Open starts the server that s describes, connects to it and waits until
	// the connection is ready or ctx ends. ctx bounds only the opening. After
	// an error no goroutine and no file is left behind.
	Open(ctx context.Context, s ServerConfig) (Conn, error)
}

// A Conn is a channel to the server that it was opened with. It is safe for
// concurrent use.
//
// A Conn whose connection can break (unix, tcp, bufconn) reconnects at the
// next call. If its listener can no longer be reached, for example because
// the socket was removed, it listens again. Such a Conn also has the method
//
//	Lost() <-chan struct{}
//
// The channel is closed when the connection cannot be made again: no listener
// can be made, or something other than Close stopped the grpc.Server. Calls
// then fail with Unavailable. Open the transport again to continue. Close
// does not close the channel.
type Conn interface {
	grpc.ClientConnInterface

	// Close refuses new calls and lets those in flight finish. After
	// [ServerConfig.DrainTimeout] it cancels the rest. It then waits for
	// every goroutine that Open started and removes every file that Open
	// made. If a handler keeps running for another DrainTimeout after it was
	// cancelled, Close returns an error that says so and leaves the handler
	// running. Later calls do nothing and return nil.
	io.Closer

	// Transport returns the name of the transport that carries the calls. For
	// [FirstOf] it is the transport that was opened.
	Transport() string
}

// ServerConfig describes a gRPC server and the channel to it, for any
// transport. A field that a transport does not support is an error of Open.
type ServerConfig struct {
	// Register registers the services. It is called once per Open or Serve.
	Register func(grpc.ServiceRegistrar)

	// Interceptors run in the order given, the first one outermost.
	UnaryInterceptors  []grpc.UnaryServerInterceptor
	StreamInterceptors []grpc.StreamServerInterceptor

	// StatsHandlers observe the server's side.
	StatsHandlers []stats.Handler

	// Client interceptors run in the order given, the first one outermost.
	// They must make calls through the invoker or streamer. Their
	// *grpc.ClientConn may only be inspected, as with cc.Target().
	UnaryClientInterceptors  []grpc.UnaryClientInterceptor
	StreamClientInterceptors []grpc.StreamClientInterceptor

	// ClientStatsHandlers observe the Conn's side. Outgoing metadata that
	// their TagRPC adds to the context is sent.
	ClientStatsHandlers []stats.Handler

	// MaxRecvMsgSize is the largest request in bytes that the server accepts.
	// MaxSendMsgSize is the largest response in bytes that the server sends
	// and the Conn accepts. Zero means grpc's defaults: 4 MiB for received
	// messages, no limit for sent ones. A larger message fails with
	// ResourceExhausted.
	MaxRecvMsgSize int
	MaxSendMsgSize int

	// Options are passed to grpc.NewServer last. They override the
	// transport's own options and the fields above. Transports without a
	// grpc.Server refuse them.
	Options []grpc.ServerOption

	// DialOptions are passed to grpc.NewClient last. They override the
	// transport's own options and the fields above. Transports without a
	// grpc.ClientConn refuse them.
	DialOptions []grpc.DialOption

	// GRPC, if set, is the server to use. The fields for the server's side
	// must then be zero; those for the client's side, including DialOptions,
	// apply. The Conn accepts responses of any size, since the server has its
	// own limit (grpc.MaxSendMsgSize). To set a lower one, put
	// grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(n)) in DialOptions.
	// Closing the Conn stops the server, including its other listeners.
	// Transports without a grpc.Server refuse GRPC.
	GRPC *grpc.Server

	// DrainTimeout is how long Close waits for calls in flight before it
	// cancels them. Zero means 5 seconds.
	DrainTimeout time.Duration

	// Logger receives warnings, for example from [FirstOf]. Nil means
	// slog.Default().
	Logger *slog.Logger
}
