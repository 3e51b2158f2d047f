package service

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// An Observer observes the calls that the servers of a Service receive,
// except health checks. Its methods are called concurrently and must not
// block.
type Observer interface {
	// Tag returns the tag that Begin receives for the calls made for an HTTP
	// request. ctx is the context of the request. A tag is printable ASCII
	// and may be empty.
	Tag(ctx context.Context) string

	// Begin is called before the user's interceptors run. tag is empty for a
	// call that was not made for an HTTP request. Handlers share md, so Begin
	// must not change it. If Begin returns nil, the call is not observed.
	Begin(tag, method, transport string, md metadata.MD) CallObserver
}

// A CallObserver observes one call. It must not keep or change messages.
type CallObserver interface {
	Received(message any)
	Sent(message any)

	// End receives the error that the server returns to the client, before
	// the gateway masks it, or nil for success.
	End(err error)
}

// WithObserver sets the observer of all calls. It does not affect
// interceptors and handlers.
func WithObserver(o Observer) Option { return func(c *config) { c.observer = o } }

// observe starts the observation of c if there is an observer.
func (o outermost) observe(c *serverCall, tag string) {
	if o.observer != nil && !isHealth(c.method) {
		c.observer = o.observer.Begin(tag, c.method, o.transportName(), c.metadata)
	}
}

func (c *serverCall) received(message any) {
	if c.observer != nil {
		c.observer.Received(message)
	}
}

func (c *serverCall) sent(message any) {
	if c.observer != nil {
		c.observer.Sent(message)
	}
}

// RecvMsg implements grpc.ServerStream.
func (s *serverStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.call.received(m)
	}
	return err
}

// SendMsg implements grpc.ServerStream.
func (s *serverStream) SendMsg(m any) error {
	s.call.sent(m)
	return s.ServerStream.SendMsg(m)
}
