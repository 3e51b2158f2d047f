package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
)

const defaultDrainTimeout = 5 * time.Second

// check returns an error if s contradicts itself.
func (s ServerConfig) check() error {
	if s.GRPC == nil {
		if s.Register == nil {
			return errors.New("ServerConfig has neither Register nor GRPC: there is nothing to serve")
		}
		return nil
	}
	if s.Register != nil || s.UnaryInterceptors != nil || s.StreamInterceptors != nil || s.StatsHandlers != nil ||
		s.MaxRecvMsgSize != 0 || s.MaxSendMsgSize != 0 || s.Options != nil {
		return errors.New("ServerConfig.GRPC is an existing server: Register, UnaryInterceptors, StreamInterceptors, StatsHandlers, " +
			"MaxRecvMsgSize, MaxSendMsgSize and Options cannot be added to it")
	}
	return nil
}

func orDefaultDrain(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return defaultDrainTimeout
}

func (s ServerConfig) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// Serve runs the server that s describes on l, for clients that do not use a
// [Conn], until ctx ends. It then closes l and stops the server as closing
// a [Conn] does, within DrainTimeout. It returns nil, or an error if serving
// ends for another reason or a handler keeps running. Fields of s for the
// client's side are refused. Serve closes l in every case.
func Serve(ctx context.Context, l net.Listener, s ServerConfig) error {
	if err := s.checkServe(); err != nil {
		return errors.Join(fmt.Errorf("transport: %w", err), l.Close())
	}
	defer func() { _ = l.Close() }() // the server has closed it, unless Register panics
	server := s.GRPC
	if server == nil {
		server = s.newServer()
	}
	serving, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		<-serving.Done()
		stopped <- stop(server, s.DrainTimeout)
	}()
	err := server.Serve(l)
	switch {
	case err == nil && ctx.Err() == nil:
		err = grpc.ErrServerStopped // by something else
	case errors.Is(err, grpc.ErrServerStopped) && ctx.Err() != nil:
		err = nil // ctx ended before the server had l
	}
	cancel()
	return errors.Join(err, <-stopped)
}

func (s ServerConfig) checkServe() error {
	if s.UnaryClientInterceptors != nil || s.StreamClientInterceptors != nil || s.ClientStatsHandlers != nil || s.DialOptions != nil {
		return errors.New("Serve makes no client: UnaryClientInterceptors, StreamClientInterceptors, ClientStatsHandlers and " +
			"DialOptions cannot be used")
	}
	return s.check()
}

// newServer returns a new grpc.Server with the options and services that s
// describes.
func (s ServerConfig) newServer() *grpc.Server {
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.UnaryInterceptors...),
		grpc.ChainStreamInterceptor(s.StreamInterceptors...),
	}
	for _, h := range s.StatsHandlers {
		options = append(options, grpc.StatsHandler(h))
	}
	if s.MaxRecvMsgSize > 0 {
		options = append(options, grpc.MaxRecvMsgSize(s.MaxRecvMsgSize))
	}
	if s.MaxSendMsgSize > 0 {
		options = append(options, grpc.MaxSendMsgSize(s.MaxSendMsgSize))
	}
	server := grpc.NewServer(append(options, s.Options...)...)
	s.Register(server)
	return server
}

// stopper is a grpc.Server or an inproc.Server.
type stopper interface {
	GracefulStop()
	Stop()
}

func stop(server stopper, drain time.Duration) error {
	drain = orDefaultDrain(drain)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		server.GracefulStop() // returns after the last handler, even after Stop
	}()
	if closedWithin(drain, drained) {
		return nil
	}
	server.Stop()
	if closedWithin(drain, drained) {
		return nil
	}
	return fmt.Errorf("a handler is still running %v after it was cancelled", drain)
}

// closedWithin reports whether ch was closed within d.
func closedWithin(d time.Duration, ch <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ch:
		return true
	case <-timer.C:
		return false
	}
}
