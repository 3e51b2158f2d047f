// Package service runs gRPC services and their grpc-gateway as one
// [http.Handler]. Requests reach the services through a [transport.Transport]
// and through the full chain of interceptors: logging, metrics, recovery, then
// one's own. It does not know whether Lambda or a TCP listener calls it.
//
// # Streams over HTTP
//
// A server stream is one JSON object a line, {"result": message}. A failure
// after the first message is the last line, {"error": status}, since the HTTP
// status has been sent. To a client that accepts text/event-stream, such as the
// EventSource of browsers, it is one event a message, with the message as its
// data; a failure is an event of the type "error" with the status as its data.
// An EventSource connects again when the stream ends, until it is closed.
//
// A stream of google.api.HttpBody is the bytes of its messages and nothing
// else, of the first message's content type. A failure after the first message
// breaks the answer off, by a panic with [http.ErrAbortHandler].
//
// The body of a client stream, or of a bidirectional one, is one JSON message
// after the other, with or without newlines between them. The RPC fails if the
// body is not valid to its end. A server that reads the whole body before it
// calls the Service, as Lambda does, makes bidirectional streams half-duplex.
// Others answer while they read: over HTTP/1.1, the client has to read the
// answer while it writes.
//
// HEAD calls a binding of that method if there is one, and otherwise does what
// GET does, without the body. A server stream is cancelled after its first
// message.
//
// # Paths
//
// Percent-encoded characters in a path variable are decoded as in
// google/api/http.proto: all of them in a variable of one segment, such as
// {name}, and all but %2F in one of several, such as {name=shelves/*} and
// {name=**}.
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

// A Service is a set of gRPC services that can be called over HTTP, through
// their gateway, and over gRPC. It is safe for concurrent use.
type Service struct {
	handler     http.Handler
	conn        *connection
	config      *config
	health      *health.Server
	drain       time.Duration
	instruments instrumentations
	calls       grpc.ClientConnInterface

	mu         sync.Mutex     // guards closing against serving.Add after Wait, and reflectErr
	closing    chan struct{}  // closed by Close
	serving    sync.WaitGroup // the calls of ServeGRPC
	reflectErr error
}

// New opens t with the services that opts bind and builds the gateway on it.
// ctx bounds the opening only. The caller closes the Service.
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
	reserved := newReservedMetadata(c)
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

// open opens t with a server that trusts the calls that carry token.
func (s *Service) open(ctx context.Context, t transport.Transport, token string) error {
	// Which of several transports it is shows only when one has opened, and
	// others may call before that.
	var name atomic.Pointer[string]
	name.Store(new(t.Name()))
	d, err := s.serverConfig(&door{token: token}, func() string { return *name.Load() })
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

// reflectError returns why the server of the transport has no reflection.
func (s *Service) reflectError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reflectErr
}

// ServeHTTP answers a request through the gateway. GET /healthz answers for
// the gRPC health service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Conn returns the channel that the gateway makes its calls on, for a program
// that receives calls in other ways than over HTTP, such as Lambda's events.
// They pass the same interceptors, and their errors have nothing in them that
// clients must not see. Keys under [ReservedPrefix] are removed from their
// metadata, and replaced by what [WithReservedMetadata] finds in their context.
//
// A handler trusts such a call as it trusts one of the gateway: what a client
// sent must reach the context only where WithReservedMetadata does not look. Do
// not close what Conn returns; it is of no use once the Service is closed.
func (s *Service) Conn() grpc.ClientConnInterface { return s.calls }

// GetServiceInfo tells which services are bound. It has the name and form of
// the method of grpc.Server.
func (s *Service) GetServiceInfo() map[string]grpc.ServiceInfo { return s.config.bound() }

// JSON reads and writes messages as [WithJSON] says.
func (s *Service) JSON() runtime.Marshaler { return s.config.json.marshaler() }

// Transport is the name of the transport in use, such as "unix".
func (s *Service) Transport() string { return s.conn.conn().Transport() }

// Lost is closed when the transport has broken and could not be opened again.
// Every later call fails: the program should end, so that it is started anew.
func (s *Service) Lost() <-chan struct{} { return s.conn.lost }

// ServeGRPC serves the same services, behind the same interceptors, on l to
// gRPC clients until ctx ends or the Service is closed. Then it closes l, lets
// calls in flight finish as Close does, and returns nil. Any other end is an
// error. options go to grpc.NewServer after all others.
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
	d, err := s.serverConfig(&door{}, func() string { return name })
	if err != nil {
		return errors.Join(err, l.Close())
	}
	d.Options = slices.Concat([]grpc.ServerOption{grpc.MaxHeaderListSize(maxHeaderListSize)}, d.Options, options)
	server := d.NewServer()
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
		case <-s.closing:
		}
		stopped <- transport.Stop(server, s.drain)
	}()
	err = server.Serve(l)
	cancel()
	return errors.Join(err, <-stopped)
}

// Close reports the services as not serving, ends every ServeGRPC and closes
// the transport: calls in flight finish, up to the server's
// [transport.ServerConfig.DrainTimeout]. Later calls do nothing and return nil.
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

// serverConfig describes the server that runs the services behind d.
func (s *Service) serverConfig(d *door, transportName func() string) (transport.ServerConfig, error) {
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
		return config, errors.New("WithServer set ServerConfig.GRPC: the Service cannot add its interceptors to a server that is already built")
	}
	if !c.seeHealth {
		config.UnaryInterceptors = skipHealthUnary(config.UnaryInterceptors)
		config.StreamInterceptors = skipHealthStream(config.StreamInterceptors)
	}
	s.instruments.addStatsHandlers(&config)
	for i, h := range config.StatsHandlers {
		config.StatsHandlers[i] = reservedStats{h, d}
		d.stats = true
	}
	unary, stream := s.interceptors(d, transportName)
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
	// maxRequestSize bounds a request message. Lambda lets 6 MB of JSON
	// through; as protobuf that is at most four times as much (a repeated
	// double takes two characters or eight bytes).
	maxRequestSize = 32 << 20

	// maxResponseSize leaves the limit to whoever writes the HTTP answer: it
	// comes from the program's own handlers, and streamed answers may be large.
	maxResponseSize = 1<<31 - 1

	drainTimeout = 5 * time.Second
)

var _ http.Handler = (*Service)(nil)

// A binding is one gRPC service with its gateway.
type binding struct {
	register func(grpc.ServiceRegistrar)
	gateway  func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}
