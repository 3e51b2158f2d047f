package service

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// An Observer sees the calls that arrive in the servers of a Service, except
// health checks. Its methods are called concurrently and must not block.
type Observer interface {
	// Tag returns what Begin gets for the calls that an HTTP request causes,
	// of which ctx is the context: printable ASCII, or nothing.
	Tag(ctx context.Context) string

	// Begin is called before a call runs through the interceptors of the
	// user's own. tag is empty for a call that no HTTP request has caused.
	// Handlers see the same metadata: it must not be changed. A nil
	// CallObserver leaves the call unobserved.
	Begin(tag, method, transport string, md metadata.MD) CallObserver
}

// A CallObserver sees one call. It must not keep or change messages.
type CallObserver interface {
	Received(message any)
	Sent(message any)

	// End gets the error that the client gets of the server, before the
	// gateway masks it; nil after success.
	End(err error)
}

// WithObserver sets who sees the calls. Interceptors and handlers see no
// difference.
func WithObserver(o Observer) Option { return func(c *config) { c.observer = o } }

// tagKey carries the tag of a call.
const tagKey = ReservedPrefix + "service-tag"

// observe begins the observation of c, if there is any, and takes the tag out
// of what handlers see.
func (o outermost) observe(c *serverCall) {
	if o.observer == nil || isHealth(c.method) {
		return
	}
	tag := ""
	if tags := c.metadata[tagKey]; len(tags) > 0 {
		tag = tags[0]
		delete(c.metadata, tagKey)
	}
	c.observer = o.observer.Begin(tag, c.method, o.transportName(), c.metadata)
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
