package transport

import (
	"errors"
	"fmt"
	"log/slog"
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

// NewServer returns a new grpc.Server with the options and services that s
// describes. Use it to serve the same services on another listener beside a
// transport. Register must be set; GRPC and the fields for the client's side
// are ignored.
func (s ServerConfig) NewServer() *grpc.Server {
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

// Stop stops server as closing a [Conn] does. It refuses new calls and waits
// for those in flight, for at most drain or, if drain is not positive, 5
// seconds. It then cancels the rest and waits as long again. It returns an
// error if a handler is still running; that handler is left behind.
func Stop(server *grpc.Server, drain time.Duration) error { return stop(server, drain) }

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
