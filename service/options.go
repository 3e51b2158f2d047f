package service

import (
	"context"
	"iter"
	"log/slog"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// An Option says what a [Service] consists of.
type Option func(*config)

type config struct {
	bindings   []binding
	logger     *slog.Logger
	metrics    func() (Metrics, error) // nil: off
	reflect    func(grpc.ServiceRegistrar)
	unary      []grpc.UnaryServerInterceptor
	stream     []grpc.StreamServerInterceptor
	adjust     []func(*transport.ServerConfig)
	mux        []runtime.ServeMuxOption
	trusted    trusted
	requestIn  map[string]string // canonical header name to metadata key
	responseIn map[string]string // likewise
	origins    []string

	rpc           bool
	rpcServices   []string // empty: all that are bound
	responseLimit func(context.Context) int
	binaryRefused func(context.Context) error
}

// Bind adds one gRPC service. All but impl are names that protoc-gen-go-grpc
// and protoc-gen-grpc-gateway generated; Go infers C, and S where impl is of
// the interface type itself:
//
//	service.Bind[pb.XServer](pb.RegisterXServer, pb.NewXClient, pb.RegisterXHandlerClient, impl)
func Bind[S, C any](
	register func(grpc.ServiceRegistrar, S),
	client func(grpc.ClientConnInterface) C,
	gateway func(context.Context, *runtime.ServeMux, C) error,
	impl S,
) Option {
	return func(c *config) {
		c.bindings = append(c.bindings, binding{
			register: func(r grpc.ServiceRegistrar) { register(r, impl) },
			gateway: func(ctx context.Context, mux *runtime.ServeMux, cc grpc.ClientConnInterface) error {
				return gateway(ctx, mux, client(cc))
			},
		})
	}
}

// WithLogger sets where calls, panics and errors are logged. The default is
// slog.Default().
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// Metrics counts the calls of one Service.
type Metrics interface {
	UnaryServerInterceptor() grpc.UnaryServerInterceptor
	StreamServerInterceptor() grpc.StreamServerInterceptor

	// Opened is called when it is known which transport is in use.
	Opened(transport string)

	// Closed is called when the Service has been closed or could not be made.
	Closed()
}

// WithMetrics turns metrics on. New calls start, whose error is New's. With
// Prometheus, use WithRegisterer of package metrics in this directory.
func WithMetrics(start func() (Metrics, error)) Option {
	return func(c *config) { c.metrics = start }
}

// WithReflection turns gRPC server reflection on, for grpcurl and its like. Its
// argument is reflection.Register of google.golang.org/grpc/reflection, whose
// import is left to those who want it. It is the same for any service that asks
// a server what is registered with it.
func WithReflection[S grpc.ServiceRegistrar](register func(S)) Option {
	return func(c *config) {
		c.reflect = func(r grpc.ServiceRegistrar) {
			if server, ok := r.(S); ok {
				register(server)
			}
		}
	}
}

// WithUnaryInterceptors adds interceptors for unary calls, which run in the
// order given, inside logging, metrics and recovery.
func WithUnaryInterceptors(interceptors ...grpc.UnaryServerInterceptor) Option {
	return func(c *config) { c.unary = append(c.unary, interceptors...) }
}

// WithStreamInterceptors is [WithUnaryInterceptors] for streams.
func WithStreamInterceptors(interceptors ...grpc.StreamServerInterceptor) Option {
	return func(c *config) { c.stream = append(c.stream, interceptors...) }
}

// WithServer lets adjust change the description of the gRPC server, after
// everything else: its limits, its stats handlers, its DrainTimeout.
func WithServer(adjust func(*transport.ServerConfig)) Option {
	return func(c *config) { c.adjust = append(c.adjust, adjust) }
}

// WithMuxOptions passes options to the gateway's mux, after those that the
// Service sets itself, which they can therefore replace.
func WithMuxOptions(options ...runtime.ServeMuxOption) Option {
	return func(c *config) { c.mux = append(c.mux, options...) }
}

// WithTrustedMetadata passes to the services, as metadata, the keys and values
// that from finds in the context of a request: facts that come from the
// platform, not from the client. Keys that do not begin with prefix, in lower
// case, are dropped. No client can set a key that begins with it, neither by
// HTTP nor over ServeGRPC. With Lambda's events:
//
//	service.WithTrustedMetadata(event.MetadataPrefix, event.Metadata)
func WithTrustedMetadata(prefix string, from func(context.Context) iter.Seq2[string, string]) Option {
	return func(c *config) { c.trusted = trusted{strings.ToLower(prefix), from} }
}

// WithRequestHeaders passes the named HTTP request headers to the services as
// metadata, under their own names. Without it these are passed:
// Authorization, Idempotency-Key, Traceparent, Tracestate, X-Request-Id, and,
// with the gateway's prefix "grpcgateway-", Accept-Language and User-Agent.
// Others are dropped, Grpc-Metadata-* among them.
func WithRequestHeaders(names ...string) Option {
	return func(c *config) { c.requestIn = addHeaders(c.requestIn, names) }
}

// WithResponseHeaders passes the named header metadata of the services to the
// HTTP client as response headers of the same names. Without it only
// Retry-After and X-Request-Id are passed.
func WithResponseHeaders(names ...string) Option {
	return func(c *config) { c.responseIn = addHeaders(c.responseIn, names) }
}

// WithCORS answers the cross-origin requests of browsers that come from one
// of origins, such as "https://app.example.com", with "*" for any and at most
// one "*" within each. Without it there is no CORS.
func WithCORS(origins ...string) Option {
	return func(c *config) { c.origins = append(c.origins, origins...) }
}
