// Package service runs gRPC services and their grpc-gateway as one
// [http.Handler]. Requests reach the services through a [transport.Transport]
// and through the full chain of interceptors: logging, metrics, recovery, then
// one's own. It does not know whether Lambda or a TCP listener calls it.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
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
	handler http.Handler
	conn    transport.Conn
	config  *config
	health  *health.Server
	drain   time.Duration
	metrics Metrics // nil: off

	mu      sync.Mutex     // guards closing against serving.Add after Wait
	closing chan struct{}  // closed by Close
	serving sync.WaitGroup // the calls of ServeGRPC
}

// New opens t with the services that opts bind and builds the gateway on it.
// ctx bounds the opening only. The caller closes the Service.
func New(ctx context.Context, t transport.Transport, opts ...Option) (*Service, error) {
	c := &config{logger: slog.Default()}
	for _, o := range opts {
		o(c)
	}
	s := &Service{config: c, health: health.NewServer(), closing: make(chan struct{})}
	var err error
	if c.metrics != nil {
		if s.metrics, err = c.metrics(); err != nil {
			return nil, fmt.Errorf("service: registering metrics: %w", err)
		}
	}
	name := t.Name() // until it is known which of several it is
	description := s.describe(&name, false)
	if s.conn, err = t.Open(ctx, description); err != nil {
		s.closeMetrics()
		return nil, fmt.Errorf("service: %w", err)
	}
	name = s.conn.Transport()
	s.drain = description.DrainTimeout
	if s.metrics != nil {
		s.metrics.Opened(name)
	}
	if s.handler, err = c.handler(ctx, s.conn, description.MaxRecvMsgSize); err != nil {
		return nil, fmt.Errorf("service: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

// ServeHTTP answers a request through the gateway. GET /healthz answers for
// the gRPC health service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Transport is the name of the transport in use, such as "unix".
func (s *Service) Transport() string { return s.conn.Transport() }

// ServeGRPC serves the same services, behind the same interceptors, on l to
// gRPC clients until ctx ends or the Service is closed. Then it closes l, lets
// calls in flight finish as Close does, and returns nil. Any other end is an
// error.
func (s *Service) ServeGRPC(ctx context.Context, l net.Listener) error {
	s.mu.Lock()
	if s.closed() {
		s.mu.Unlock()
		return errors.Join(grpc.ErrServerStopped, l.Close())
	}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()

	name := l.Addr().Network()
	server := s.describe(&name, true).NewServer()
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
		case <-s.closing:
		}
		stopped <- transport.Stop(server, s.drain)
	}()
	err := server.Serve(l)
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
	s.closeMetrics()
	return err
}

func (s *Service) closeMetrics() {
	if s.metrics != nil {
		s.metrics.Closed()
	}
}

func (s *Service) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// describe returns the server that runs the services. transportName is read
// at each call; external says that others than the gateway can reach it.
func (s *Service) describe(transportName *string, external bool) transport.ServerConfig {
	c := s.config
	unary, stream := s.interceptors(transportName, external)
	d := transport.ServerConfig{
		Register:           s.register,
		UnaryInterceptors:  append(unary, c.unary...),
		StreamInterceptors: append(stream, c.stream...),
		MaxRecvMsgSize:     maxRequestSize,
		MaxSendMsgSize:     maxResponseSize,
		DrainTimeout:       drainTimeout,
		Logger:             c.logger,
	}
	for _, adjust := range c.adjust {
		adjust(&d)
	}
	return d
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
	if s.config.reflect != nil {
		s.config.reflect(r)
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
