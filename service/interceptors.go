package service

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// interceptors returns the interceptors of every Service, outermost first.
// The first removes metadata that clients must not set, and logs the call
// when it ends. Those of the instrumentations follow. The last turns a panic
// into an Internal error, so that the others see an error.
func (s *Service) interceptors(filter *metadataFilter, transportName func() string) ([]grpc.UnaryServerInterceptor, []grpc.StreamServerInterceptor) {
	o := outermost{s.config, filter, transportName, s.instruments, programCounter()}
	unary := []grpc.UnaryServerInterceptor{o.unary}
	stream := []grpc.StreamServerInterceptor{o.stream}
	for _, i := range s.instruments {
		if i.UnaryInterceptor != nil {
			unary = append(unary, i.UnaryInterceptor)
		}
		if i.StreamInterceptor != nil {
			stream = append(stream, i.StreamInterceptor)
		}
	}
	return append(unary, s.config.recoverUnary), append(stream, s.config.recoverStream)
}

// outermost is the first interceptor of a server. It filters what enters and
// leaves the server, and logs the calls.
type outermost struct {
	*config
	filter        *metadataFilter
	transportName func() string
	instruments   instrumentations
	source        uintptr // of the records of finished calls
}

func (o outermost) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	defer o.contain(ctx, &err)
	c := o.begin(ctx, info.FullMethod, "unary")
	defer func() { c.ends.run(errExited) }()
	c.received(req)
	reply, err = next(c.ctx, req)
	if err == nil {
		c.sent(reply)
	}
	if err = o.end(c, err); err != nil {
		return nil, err
	}
	return reply, nil
}

func (o outermost) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer o.contain(stream.Context(), &err)
	c := o.begin(stream.Context(), info.FullMethod, streamType(info))
	defer func() { c.ends.run(errExited) }()
	return o.end(c, next(srv, &serverStream{stream, c}))
}

func streamType(info *grpc.StreamServerInfo) string {
	switch {
	case !info.IsServerStream:
		return "client_stream"
	case !info.IsClientStream:
		return "server_stream"
	default:
		return "bidi_stream"
	}
}

// A serverCall is one call on its way through a server.
type serverCall struct {
	boundedStream
	ctx        context.Context // of the handler
	method     string          // "/service/method"
	methodType string
	metadata   metadata.MD // the handler's
	own        bool        // the Service itself made the call
	start      time.Time
	observer   CallObserver // nil: none
	ends       endings      // of the instrumentations; nil after the end

	spanContext func(context.Context) (traceID, spanID string)
}

func (o outermost) begin(ctx context.Context, method, methodType string) *serverCall {
	c := &serverCall{method: method, methodType: methodType, start: time.Now(), spanContext: o.instruments.spanContext}
	c.ServerTransportStream = grpc.ServerTransportStreamFromContext(ctx)
	ctx, md, a := o.filter.admit(ctx)
	c.metadata, c.own = md, a.own
	if ids := c.metadata["x-request-id"]; len(ids) > 0 {
		for i, id := range ids {
			ids[i] = boundRequestID(id)
		}
	}
	o.observe(c, a.tag)
	c.ctx = context.WithValue(ctx, serverCallKey{}, c)
	// grpc.SetSendCompressor accepts only grpc-go's own stream. A client that
	// accepts no compression does not need it.
	if len(c.metadata["grpc-accept-encoding"]) == 0 {
		c.ctx = grpc.NewContextWithServerTransportStream(c.ctx, &c.boundedStream)
	}
	begun := false
	defer func() {
		if !begun {
			c.ends.run(errExited)
		}
	}()
	c.ctx = o.instruments.serverCall(c.ctx, method, md, c.own, &c.ends)
	begun = true
	return c
}

// end ends the call and returns the error that the client gets.
func (o outermost) end(c *serverCall, err error) error {
	if err == nil {
		err = c.refused()
	}
	err = boundStatus(err)
	if err != nil && c.own {
		_ = c.ServerTransportStream.SetTrailer(metadata.MD{handlerErrorKey: {"1"}}) // fails if the client has left
	}
	if c.observer != nil {
		c.observer.End(err)
	}
	sent, withheld := err, false
	if err != nil && !c.own { // otherwise the gateway masks it, and logs what it withholds
		var masked *status.Status
		masked, withheld = mask(status.Convert(err))
		sent = sanitizedError{masked}
	}
	if !isHealth(c.method) || withheld {
		o.logCall(c, err)
	}
	c.ends.run(err)
	return sent
}

// errExited is the error of a call that ended without a result: its handler
// called runtime.Goexit, or code around the handler panicked.
var errExited = status.Error(codes.Internal, "the handler did not return")

// serverStream is the stream that handlers see.
type serverStream struct {
	grpc.ServerStream
	call *serverCall
}

func (s *serverStream) Context() context.Context { return s.call.ctx }

func (s *serverStream) SetHeader(md metadata.MD) error {
	if err := s.call.add(&s.call.header, "header", md); err != nil {
		return err
	}
	return s.ServerStream.SetHeader(md)
}

func (s *serverStream) SendHeader(md metadata.MD) error {
	if err := s.call.add(&s.call.header, "header", md); err != nil {
		return err
	}
	return s.ServerStream.SendHeader(md)
}

func (s *serverStream) SetTrailer(md metadata.MD) {
	if s.call.add(&s.call.trailer, "trailer", md) == nil {
		s.ServerStream.SetTrailer(md)
	}
}

func (c *config) recoverUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	defer func() {
		if p := recover(); p != nil {
			reply, err = nil, c.recovered(ctx, p)
		}
	}()
	reply, err = next(ctx, req)
	return reply, usable(err)
}

func (c *config) recoverStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.recovered(stream.Context(), p)
		}
	}()
	return usable(next(srv, stream))
}

// usable returns err after a call of the methods that a server calls later on,
// where nothing recovers their panic: those of a nil pointer, say.
func usable(err error) error {
	if err != nil {
		_ = err.Error()
		_ = boundStatus(err)
	}
	return err
}

func (c *config) recovered(ctx context.Context, p any) error {
	c.logger.ErrorContext(ctx, "panic in a handler", "panic", bounded(fmt.Sprint(p)), "stack", string(debug.Stack()))
	return status.Error(codes.Internal, "panic in a handler")
}

// contain is deferred. It recovers a panic of an instrumentation, of an observer,
// or of the Error method of an error, any of which would end the process.
func (c *config) contain(ctx context.Context, err *error) {
	p := recover()
	if p == nil {
		return
	}
	*err = status.Error(codes.Internal, "panic around a handler")
	c.logger.ErrorContext(ctx, "panic around a handler", "panic", bounded(fmt.Sprint(p)), "stack", string(debug.Stack()))
}

// isHealth reports whether method belongs to the health service. Health
// checks come every few seconds and without credentials.
func isHealth(method string) bool {
	rest, ok := strings.CutPrefix(method, "/"+grpc_health_v1.Health_ServiceDesc.ServiceName)
	return ok && strings.HasPrefix(rest, "/")
}

func skipHealthUnary(interceptors []grpc.UnaryServerInterceptor) []grpc.UnaryServerInterceptor {
	skipping := make([]grpc.UnaryServerInterceptor, len(interceptors))
	for i, intercept := range interceptors {
		skipping[i] = func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if isHealth(info.FullMethod) {
				return next(ctx, req)
			}
			return intercept(ctx, req, info, next)
		}
	}
	return skipping
}

func skipHealthStream(interceptors []grpc.StreamServerInterceptor) []grpc.StreamServerInterceptor {
	skipping := make([]grpc.StreamServerInterceptor, len(interceptors))
	for i, intercept := range interceptors {
		skipping[i] = func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if isHealth(info.FullMethod) {
				return next(srv, stream)
			}
			return intercept(srv, stream, info, next)
		}
	}
	return skipping
}
