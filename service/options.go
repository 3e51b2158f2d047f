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

// An Option says what a [Service] consists of.
type Option func(*config)

type config struct {
	bindings   []binding
	logger     *slog.Logger
	instrument []func(Host) (Instrumentation, error)
	reflect    func(grpc.ServiceRegistrar) error
	unary      []grpc.UnaryServerInterceptor
	stream     []grpc.StreamServerInterceptor
	seeHealth  bool // the interceptors see health checks
	adjust     []func(*transport.ServerConfig)
	mux        []runtime.ServeMuxOption
	reserved   func(context.Context) iter.Seq2[string, string] // nil: nothing
	requestIn  map[string]string                               // canonical header name to metadata key
	responseIn map[string]string                               // likewise
	cors       corsConfig
	json       JSON
	routes     []route
	program    []*programOption
	observer   Observer // nil: none
	errs       []error  // of the options

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

// WithReflection turns gRPC server reflection on, for grpcurl and its like. Its
// argument is reflection.Register of google.golang.org/grpc/reflection, whose
// import is left to those who want it. It is the same for any service that asks
// a server what is registered with it. It is an error of [New] if S is a type
// that the server of the transport, or of [Service.ServeGRPC], does not have.
func WithReflection[S grpc.ServiceRegistrar](register func(S)) Option {
	return func(c *config) {
		c.reflect = func(r grpc.ServiceRegistrar) error {
			server, ok := r.(S)
			if !ok {
				return fmt.Errorf("WithReflection: want reflection.Register or a function like it, not one of %v, which a %T is not", reflect.TypeFor[S](), r)
			}
			register(server)
			return nil
		}
		if register == nil {
			c.errs = append(c.errs, errors.New("WithReflection: want a function, not nil"))
		} else if _, ok := any((*grpc.Server)(nil)).(S); !ok {
			c.errs = append(c.errs, fmt.Errorf("WithReflection: want reflection.Register or a function like it, not one of %v, which a *grpc.Server is not", reflect.TypeFor[S]()))
		}
	}
}

// WithUnaryInterceptors adds interceptors for unary calls, which run in the
// order given, inside logging, metrics and recovery. They do not see health
// checks, which come without credentials: see [WithInterceptedHealth].
func WithUnaryInterceptors(interceptors ...grpc.UnaryServerInterceptor) Option {
	return func(c *config) { c.unary = append(c.unary, interceptors...) }
}

// WithStreamInterceptors is [WithUnaryInterceptors] for streams.
func WithStreamInterceptors(interceptors ...grpc.StreamServerInterceptor) Option {
	return func(c *config) { c.stream = append(c.stream, interceptors...) }
}

// WithInterceptedHealth lets the interceptors see the calls of the gRPC health
// service too, and with them GET /healthz.
func WithInterceptedHealth() Option { return func(c *config) { c.seeHealth = true } }

// WithServer lets adjust change the description of the gRPC server: its
// limits, its stats handlers, its DrainTimeout. The interceptors in it are
// those of the options; the Service puts its own before them afterwards. GRPC
// must stay nil.
//
// Stats handlers see metadata as handlers do. A stats handler or an interceptor
// that is hidden in a grpc.ServerOption runs before the Service has removed
// what clients must not set: do not believe reserved metadata there.
func WithServer(adjust func(*transport.ServerConfig)) Option {
	return func(c *config) { c.adjust = append(c.adjust, adjust) }
}

// WithMuxOptions passes options to the gateway's muxes, after those that the
// Service sets itself, which they can therefore replace. Each option is applied
// more than once.
//
// Some things hold whatever the options are. Error handlers get errors from
// which what clients must not see has been removed, and handlers of errors
// within a stream likewise; the status is 413
// when the body is over its limit. A google.api.HttpBody is written as
// it is, without marshalers and [runtime.WithForwardResponseRewriter]. Metadata
// under the reserved prefix never comes from a client. A method override and a
// GET by a form POST stay off.
//
// A marshaler replaces [WithJSON] for its media type, and decides itself what it
// refuses. [runtime.SetQueryParameterParser] is not an option of a mux: it
// changes all muxes of the process, also those in use.
func WithMuxOptions(options ...runtime.ServeMuxOption) Option {
	return func(c *config) { c.mux = append(c.mux, options...) }
}

// WithReservedMetadata passes to the services, as metadata, the keys and values
// that from finds in the context of a request: facts that come from the
// platform, not from the client. A key that does not begin with
// [ReservedPrefix], or that gRPC cannot carry with its value, is dropped; the
// first time is logged. With Lambda's events:
//
//	service.WithReservedMetadata(event.Metadata)
//
// Clients cannot set keys under the prefix, with or without this option.
func WithReservedMetadata(from func(context.Context) iter.Seq2[string, string]) Option {
	return func(c *config) { c.reserved = from }
}

// WithRequestHeaders passes the named HTTP request headers to the services as
// metadata, under their own names. Without it these are passed:
// Authorization, Idempotency-Key, Traceparent, Tracestate, X-Request-Id, and,
// with the gateway's prefix "grpcgateway-", Accept-Language and User-Agent.
// Others are dropped, Grpc-Metadata-* among them. So are values that are not
// printable ASCII, since gRPC cannot carry them, and all of an X-Request-Id
// after its 128th byte. Headers of more than 256 KiB together are answered 431.
func WithRequestHeaders(names ...string) Option {
	return func(c *config) { c.requestIn = addHeaders(c.requestIn, names) }
}

// WithResponseHeaders passes the named header metadata of the services to the
// HTTP client as response headers of the same names. Without it only
// Retry-After and X-Request-Id are passed.
func WithResponseHeaders(names ...string) Option {
	return func(c *config) { c.responseIn = addHeaders(c.responseIn, names) }
}
