package service

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// An Option configures a [Service].
type Option func(*config)

type config struct {
	bindings        []binding
	logger          *slog.Logger
	instrument      []func(Host) (Instrumentation, error)
	flushes         bool // after each response
	reflect         func(grpc.ServiceRegistrar) error
	unary           []grpc.UnaryServerInterceptor
	stream          []grpc.StreamServerInterceptor
	interceptHealth bool // the user's interceptors see health checks
	adjust          []func(*transport.ServerConfig)
	mux             []runtime.ServeMuxOption
	reserved        func(context.Context) iter.Seq2[string, string] // nil: nothing
	requestIn       map[string]string                               // canonical header name to metadata key
	responseIn      map[string]string                               // likewise
	cors            corsConfig
	json            JSON
	routes          []route
	program         []*programOption
	observer        Observer // nil: none
	errs            []error  // of the options

	rpc           bool
	rpcServices   []string // empty: all that are bound
	responseLimit func(context.Context) int
	binaryRefused func(context.Context) error
}

// Bind adds one gRPC service. Except for impl, the arguments are functions
// that protoc-gen-go-grpc and protoc-gen-grpc-gateway generate. Go infers C,
// and also S if impl has the interface type itself:
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

// WithLogger sets the logger for calls, panics and errors. The default is
// slog.Default().
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithReflection enables gRPC server reflection, for clients such as grpcurl.
// Pass reflection.Register of google.golang.org/grpc/reflection, which this
// package does not import, or a similar function that registers a service
// with a server. [New] fails unless S is implemented by the transport's
// server and by *grpc.Server, which [Service.ServeGRPC] uses.
func WithReflection[S grpc.ServiceRegistrar](register func(S)) Option {
	return func(c *config) {
		c.reflect = func(r grpc.ServiceRegistrar) error {
			server, ok := r.(S)
			if !ok {
				return fmt.Errorf("WithReflection: the function needs a %v, but the server is a %T: want reflection.Register or a similar function", reflect.TypeFor[S](), r)
			}
			register(server)
			return nil
		}
		if register == nil {
			c.errs = append(c.errs, errors.New("WithReflection: want a function, not nil"))
		} else if _, ok := any((*grpc.Server)(nil)).(S); !ok {
			c.errs = append(c.errs, fmt.Errorf("WithReflection: the function needs a %v, but the server is a *grpc.Server: want reflection.Register or a similar function", reflect.TypeFor[S]()))
		}
	}
}

// WithUnaryInterceptors adds interceptors for unary calls. They run in the
// given order, inside logging, metrics and recovery. They do not see health
// checks, which carry no credentials, unless [WithInterceptedHealth] is
// given.
func WithUnaryInterceptors(interceptors ...grpc.UnaryServerInterceptor) Option {
	return func(c *config) { c.unary = append(c.unary, interceptors...) }
}

// WithStreamInterceptors is like [WithUnaryInterceptors], for streams.
func WithStreamInterceptors(interceptors ...grpc.StreamServerInterceptor) Option {
	return func(c *config) { c.stream = append(c.stream, interceptors...) }
}

// WithInterceptedHealth makes the interceptors see the calls of the gRPC
// health service too, including those for GET /healthz.
func WithInterceptedHealth() Option { return func(c *config) { c.interceptHealth = true } }

// WithServer calls adjust to change the configuration of the gRPC server,
// such as its limits, its stats handlers or its DrainTimeout. The
// configuration already holds the interceptors of the other options. The
// Service later prepends its own. adjust must leave GRPC nil.
//
// Stats handlers see the same metadata as handlers do. A stats handler or
// interceptor inside a grpc.ServerOption runs before the Service has removed
// the metadata that clients must not set, so it must not trust reserved
// metadata.
func WithServer(adjust func(*transport.ServerConfig)) Option {
	return func(c *config) { c.adjust = append(c.adjust, adjust) }
}

// WithMuxOptions passes options to the gateway's muxes. They come after the
// Service's own options and may override those. Each option is applied more
// than once.
//
// Some behaviour does not depend on the options. Errors are masked before any
// error handler sees them, including the handler of errors within a stream.
// The status is 413 if the body exceeds its limit. A google.api.HttpBody is
// written unchanged, without marshalers and
// [runtime.WithForwardResponseRewriter]. Metadata under the reserved prefix
// never comes from a client. Method overrides and form POSTs to GET bindings
// stay disabled.
//
// A marshaler replaces [WithJSON] for its media type and applies its own
// rules to requests. [runtime.SetQueryParameterParser] is not an option of a
// mux: it changes all muxes of the process, even those in use.
func WithMuxOptions(options ...runtime.ServeMuxOption) Option {
	return func(c *config) { c.mux = append(c.mux, options...) }
}

// WithReservedMetadata adds metadata that comes from the platform, not from
// the client. from returns the keys and values for the context of a request.
// A key is dropped if it does not begin with [ReservedPrefix], if the Service
// itself uses it, or if gRPC cannot carry it or its value; the first time is
// logged. With Lambda's events:
//
//	service.WithReservedMetadata(eventmd.FromContext)
//
// Clients cannot set keys under the prefix, with or without this option.
func WithReservedMetadata(from func(context.Context) iter.Seq2[string, string]) Option {
	return func(c *config) { c.reserved = from }
}

// WithRequestHeaders passes the named HTTP request headers to the services as
// metadata, under their own names. These are always passed: Authorization,
// Idempotency-Key, Traceparent, Tracestate, X-Request-Id and, with the
// gateway's prefix "grpcgateway-", Accept-Language and User-Agent. All others
// are dropped, including Grpc-Metadata-*.
//
// Values that are not printable ASCII are dropped, since gRPC cannot carry
// them. An X-Request-Id is cut after 128 bytes. A request whose headers
// exceed 256 KiB in total gets status 431.
func WithRequestHeaders(names ...string) Option {
	return func(c *config) { c.requestIn = addHeaders(c.requestIn, names) }
}

// WithResponseHeaders passes the named header metadata of the services to the
// HTTP client as response headers of the same names. Retry-After and
// X-Request-Id are always passed, others are dropped.
func WithResponseHeaders(names ...string) Option {
	return func(c *config) { c.responseIn = addHeaders(c.responseIn, names) }
}
