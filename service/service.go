// Package service runs gRPC services and their grpc-gateway as one
// [http.Handler]. Each request passes through a [transport.Transport] and the
// full chain of interceptors: logging, metrics, recovery, then your own. The
// package does not depend on who calls the handler, Lambda or a server with a
// TCP listener.
//
// # Streams over HTTP
//
// A server stream is sent as one JSON object per line, {"result": message}.
// If it fails after the first message, the last line is {"error": status},
// since the HTTP status has already been sent. A client that accepts
// text/event-stream, such as a browser's EventSource, gets one event per
// message, with the message as its data. A failure is then an event of type
// "error" with the status as its data. An EventSource reconnects when the
// stream ends, until it is closed.
//
// A stream of google.api.HttpBody is sent as the concatenated bytes of its
// messages, with the content type of the first one. If it fails after the
// first message, the handler panics with [http.ErrAbortHandler] to abort the
// response.
//
// The body of a client stream or a bidirectional stream is a sequence of JSON
// messages, with or without newlines between them. The RPC fails if any part
// of the body is invalid. A server that reads the whole body before it calls
// the Service, as Lambda does, makes bidirectional streams half-duplex. Other
// servers send the response while they read the request; an HTTP/1.1 client
// must then read the response while it writes.
//
// A HEAD request calls a binding for HEAD if there is one. Otherwise it is
// handled like GET and the body is dropped. A server stream is cancelled
// after its first message.
//
// # Paths
//
// Percent-encoded characters in a path variable are decoded as
// google/api/http.proto specifies. A variable of one segment, such as {name},
// is decoded completely. In a variable of several segments, such as
// {name=shelves/*} or {name=**}, %2F is kept.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A Service is a set of gRPC services that clients can call over HTTP,
// through the gateway, and over gRPC. It is safe for concurrent use.
type Service struct {
	handler     http.Handler
	conn        *connection
	config      *config
	health      *health.Server
	drain       time.Duration
	instruments instrumentations
	calls       grpc.ClientConnInterface

	mu         sync.Mutex     // guards reflectErr, and serving.Add against a concurrent Close
	closing    chan struct{}  // closed by Close
	serving    sync.WaitGroup // the calls of ServeGRPC
	reflectErr error
}

// New opens t with the services that opts bind and builds the gateway on it.
// ctx bounds only the opening. The caller must close the Service. After an
// error nothing is left open.
func New(ctx context.Context, t transport.Transport, opts ...Option) (*Service, error) {
	c := &config{logger: slog.Default()}
	for _, o := range opts {
		o(c)
	}
	if err := errors.Join(append(c.errs, c.checkProgram())...); err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	c.logger = slog.New(NewLogHandler(c.logger.Handler()))
	s := &Service{config: c, health: health.NewServer(), closing: make(chan struct{})}
	var err error
	if s.instruments, err = c.startInstrumentations(); err != nil {
		return nil, fmt.Errorf("service: starting instrumentation: %w", err)
	}
	c.mux = slices.Concat(s.instruments.muxOptions(), c.mux)
	reserved := newReservedMetadata(c, s.instruments)
	if err := s.open(ctx, t, reserved.token); err != nil {
		return nil, fmt.Errorf("service: %w", errors.Join(err, s.closeInstruments()))
	}
	cc := reservedConn{s.conn, reserved, s.conn.server.MaxRecvMsgSize}
	s.calls = gatewayConn{cc, c}
	if s.handler, err = c.handler(ctx, cc, s.conn.server.MaxRecvMsgSize); err == nil {
		err = s.reflectError()
	}
	if err != nil {
		return nil, fmt.Errorf("service: %w", errors.Join(err, s.Close()))
	}
	s.handler = s.instruments.around(s.handler)
	return s, nil
}

// open opens t with a server that treats the calls that carry token as the
// Service's own.
func (s *Service) open(ctx context.Context, t transport.Transport, token string) error {
	// A FirstOf has a definite name only once it is open, but other clients
	// may already call before that.
	var name atomic.Pointer[string]
	name.Store(new(t.Name()))
	d, err := s.serverConfig(&metadataFilter{token: token}, func() string { return *name.Load() })
	if err != nil {
		return err
	}
	s.drain = d.DrainTimeout
	s.conn = &connection{transport: t, server: d, logger: s.config.logger, opened: func(conn transport.Conn) {
		name.Store(new(conn.Transport()))
		if err := s.instruments.opened(ctx, conn.Transport()); err != nil {
			s.config.logger.Error("the opening of a transport was not observed", "error", err)
		}
	}}
	return s.conn.open(ctx)
}

// reflectError returns the error of registering reflection with the
// transport's server.
func (s *Service) reflectError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reflectErr
}

// ServeHTTP serves a request through the gateway. GET /healthz returns the
// status of the gRPC health service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Conn returns the channel that the gateway makes its calls on. It is for
// programs that receive calls in other ways than over HTTP, such as from
// Lambda's events. Its calls pass through the same interceptors, and their
// errors are masked as the gateway's are. Metadata keys under
// [ReservedPrefix] are removed and replaced by the metadata that
// [WithReservedMetadata] finds in the context.
//
// Handlers trust these calls like the gateway's own. Do not put data that a
// client sent where WithReservedMetadata reads it. Do not close the channel.
// It stops working when the Service is closed.
func (s *Service) Conn() grpc.ClientConnInterface { return s.calls }

// GetServiceInfo returns the bound services by their full names, as
// [grpc.Server.GetServiceInfo] does.
func (s *Service) GetServiceInfo() map[string]grpc.ServiceInfo { return s.config.bound() }

// JSON returns a marshaler that reads and writes messages as [WithJSON]
// configures.
func (s *Service) JSON() runtime.Marshaler { return s.config.json.marshaler() }

// Transport returns the name of the transport in use, such as "unix".
func (s *Service) Transport() string { return s.conn.conn().Transport() }

// Lost returns a channel that is closed when the transport has broken and
// could not be opened again. All later calls fail, so the program should exit
// to be restarted.
func (s *Service) Lost() <-chan struct{} { return s.conn.lost }

// ServeGRPC serves the same services, behind the same interceptors, to gRPC
// clients on l until ctx ends or the Service is closed. It then closes l,
// drains the calls in flight as Close does, and returns nil. It returns an
// error if serving ends for any other reason. The options are passed to
// grpc.NewServer after all others. Errors are masked as the gateway's are.
func (s *Service) ServeGRPC(ctx context.Context, l net.Listener, options ...grpc.ServerOption) error {
	s.mu.Lock()
	if s.closed() {
		s.mu.Unlock()
		return errors.Join(grpc.ErrServerStopped, l.Close())
	}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()

	name := l.Addr().Network()
	d, err := s.serverConfig(&metadataFilter{}, func() string { return name })
	if err != nil {
		return errors.Join(err, l.Close())
	}
	d.UnaryClientInterceptors, d.StreamClientInterceptors, d.ClientStatsHandlers, d.DialOptions = nil, nil, nil, nil
	d.Options = slices.Concat([]grpc.ServerOption{grpc.MaxHeaderListSize(maxHeaderListSize)}, d.Options, options)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ctx.Done():
		case <-s.closing:
			cancel()
		}
	}()
	return transport.Serve(ctx, l, d)
}

// Close reports the services as not serving, ends every ServeGRPC and closes
// the transport. Calls in flight may finish within
// [transport.ServerConfig.DrainTimeout]. Later calls of Close do nothing and
// return nil.
func (s *Service) Close() error {
	s.mu.Lock()
	if s.closed() {
		s.mu.Unlock()
		return nil
	}
	close(s.closing)
	s.mu.Unlock()

	s.health.Shutdown()
	err := s.conn.Close()
	s.serving.Wait()
	return errors.Join(err, s.closeInstruments())
}

func (s *Service) closeInstruments() error {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(s.drain, drainTimeout))
	defer cancel()
	return s.instruments.close(ctx)
}

func (s *Service) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// serverConfig returns the configuration of a server that runs the services
// behind filter.
func (s *Service) serverConfig(filter *metadataFilter, transportName func() string) (transport.ServerConfig, error) {
	c := s.config
	config := transport.ServerConfig{
		Register:           s.register,
		UnaryInterceptors:  slices.Clone(c.unary),
		StreamInterceptors: slices.Clone(c.stream),
		MaxRecvMsgSize:     maxRequestSize,
		MaxSendMsgSize:     maxResponseSize,
		DrainTimeout:       drainTimeout,
		Logger:             c.logger,
	}
	for _, adjust := range c.adjust {
		adjust(&config)
	}
	if config.GRPC != nil {
		return config, errors.New("WithServer set ServerConfig.GRPC: the Service cannot add its interceptors to an existing server")
	}
	if !c.interceptHealth {
		config.UnaryInterceptors = skipHealthUnary(config.UnaryInterceptors)
		config.StreamInterceptors = skipHealthStream(config.StreamInterceptors)
	}
	config.StatsHandlers = slices.Clone(config.StatsHandlers) // WithServer may have set the caller's slice
	for i, h := range config.StatsHandlers {
		config.StatsHandlers[i] = reservedStats{h, filter}
		filter.stats = true
	}
	unary, stream := s.interceptors(filter, transportName)
	config.UnaryInterceptors = append(unary, config.UnaryInterceptors...)
	config.StreamInterceptors = append(stream, config.StreamInterceptors...)
	return config, nil
}

func (s *Service) register(r grpc.ServiceRegistrar) {
	for _, b := range s.config.bindings {
		b.register(r)
	}
	if info, ok := r.(interface {
		GetServiceInfo() map[string]grpc.ServiceInfo
	}); ok {
		for name := range info.GetServiceInfo() {
			s.health.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
		}
	}
	grpc_health_v1.RegisterHealthServer(r, s.health)
	if s.config.reflect == nil {
		return
	}
	if err := s.config.reflect(r); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reflectErr = err
	}
}

const (
	// maxRequestSize is the largest request message in bytes. Lambda accepts
	// 6 MB of JSON, which is at most four times as large in protobuf: an
	// element of a repeated double takes two characters or eight bytes.
	maxRequestSize = 32 << 20

	// maxResponseSize is effectively no limit. Responses come from the
	// program's own handlers and may be large when streamed; the HTTP side
	// applies its own limit.
	maxResponseSize = 1<<31 - 1

	drainTimeout = 5 * time.Second
)

var _ http.Handler = (*Service)(nil)

// A binding is one gRPC service with its gateway.
type binding struct {
	register func(grpc.ServiceRegistrar)
	gateway  func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}
