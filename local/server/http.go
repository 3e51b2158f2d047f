package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
)

// Limits that cannot be configured.
const (
	// headerTimeout bounds how long a client may take to send the header of a
	// request or the preface of a gRPC connection. BodyTimeout also bounds it.
	headerTimeout = 10 * time.Second

	// maxHeaderBytes bounds the header of a request. It is eight times the
	// limit of browsers and load balancers.
	maxHeaderBytes = 64 << 10

	// pingInterval is the shortest interval between pings of a gRPC client. It
	// is the shortest that grpc-go's client allows.
	pingInterval = 10 * time.Second

	// keepaliveInterval is how long a gRPC connection may be silent before the
	// server pings the client.
	keepaliveInterval = time.Minute
)

// serveHTTP serves h on l until ctx ends, then lets requests in flight finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, c *config.Config, logger *slog.Logger) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(c.RPC) // for gRPC
	server := &http.Server{
		Handler:           h,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: c.MaxStreams},
		ReadHeaderTimeout: min(headerTimeout, c.BodyTimeout),
		ReadTimeout:       c.BodyTimeout, // does not bound the response
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.DrainTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			logger.Warn("requests in flight were cut off", "address", l.Addr().String(), "after", c.DrainTimeout)
			_ = server.Close()
		}
	})
	err := server.Serve(l)
	if stop() {
		return err // Serve failed by itself
	}
	<-drained
	return nil
}

// grpcLimits returns the limits of a gRPC connection.
func grpcLimits(c *config.Config) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(min(headerTimeout, c.BodyTimeout)),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(uint32(c.MaxStreams)),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingInterval, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: c.IdleTimeout, Time: keepaliveInterval}),
	}
}
