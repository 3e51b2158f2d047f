package service

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
)

// WithRPC also serves bound services to Connect and gRPC-Web clients, at
// /package.Service/Method. It serves all of them, or only those given by full
// name, such as "example.v1.EchoService". Anyone who can reach the handler
// can then call methods that have no HTTP annotation. Health and reflection
// are never served this way.
//
// Headers, reserved metadata, CORS, error masking and the request limit are
// the same as for the gateway.
func WithRPC(services ...string) Option {
	return func(c *config) {
		c.rpc = true
		c.rpcServices = append(c.rpcServices, services...)
	}
}

// WithBodyLimits describes limits that the path between client and handler
// sets for the bodies of RPCs. response returns the maximum size of a
// response in bytes, counted as a JSON string holds it, or 0 for no limit.
// binary returns an error, shown to the client, if binary bodies cannot pass
// unchanged. Both may be nil.
func WithBodyLimits(response func(context.Context) int, binary func(context.Context) error) Option {
	return func(c *config) { c.responseLimit, c.binaryRefused = response, binary }
}

// withRPC returns a handler that serves RPCs itself and passes other requests
// to next. cc is the channel that adds the reserved metadata.
func (c *config) withRPC(cc grpc.ClientConnInterface, maxRequest int, next http.Handler) (http.Handler, error) {
	if !c.rpc {
		return next, nil
	}
	services, err := c.exposed()
	if err != nil {
		return nil, err
	}
	config := rpc.Config{
		RequestHeader:    c.rpcRequestHeader(),
		Metadata:         forwarded,
		ResponseHeader:   c.responseHeader(),
		MaxRequestBytes:  maxRequest,
		MaxResponseBytes: c.responseLimit,
		Status: func(ctx context.Context, method string, err error) *status.Status {
			return status.Convert(c.sanitize(ctx, method, err))
		},
	}
	if c.binaryRefused != nil {
		config.RefuseBinary = func(r *http.Request) error { return c.binaryRefused(r.Context()) }
	}
	h, err := rpc.NewHandler(cc, services, config)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Serves(r.URL.Path) {
			h.ServeHTTP(w, withValidHeaders(r))
		} else {
			next.ServeHTTP(w, r)
		}
	}), nil
}

// exposed returns the services that WithRPC serves.
func (c *config) exposed() (map[string]grpc.ServiceInfo, error) {
	bound := c.bound()
	if len(c.rpcServices) == 0 {
		return bound, nil
	}
	named := map[string]grpc.ServiceInfo{}
	for _, name := range c.rpcServices {
		info, ok := bound[name]
		if !ok {
			return nil, fmt.Errorf("WithRPC: service %q is not bound; the bound services are: %s", name, strings.Join(slices.Sorted(maps.Keys(bound)), ", "))
		}
		named[name] = info
	}
	return named, nil
}

// bound returns the bound services by name.
func (c *config) bound() map[string]grpc.ServiceInfo {
	services := recorder{}
	for _, b := range c.bindings {
		b.register(services)
	}
	return services
}

// recorder is a [grpc.ServiceRegistrar] that only records the registered
// services.
type recorder map[string]grpc.ServiceInfo

// RegisterService implements [grpc.ServiceRegistrar].
func (r recorder) RegisterService(desc *grpc.ServiceDesc, _ any) {
	info := grpc.ServiceInfo{Metadata: desc.Metadata}
	for _, m := range desc.Methods {
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: m.MethodName})
	}
	for _, s := range desc.Streams {
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: s.StreamName, IsClientStream: s.ClientStreams, IsServerStream: s.ServerStreams})
	}
	r[desc.ServiceName] = info
}

// rpcRequestHeader is requestHeader plus the header that the gateway always
// passes.
func (c *config) rpcRequestHeader() func(string) (string, bool) {
	match := c.requestHeader()
	return func(name string) (string, bool) {
		if name == "Authorization" {
			return "authorization", true
		}
		return match(name)
	}
}

// forwarded returns the same metadata about the sender as the gateway does.
func forwarded(r *http.Request) metadata.MD {
	md := metadata.MD{}
	if r.Host != "" {
		md.Set("x-forwarded-host", r.Host)
	}
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		md.Set("x-forwarded-for", strings.Join(append(slices.Clone(r.Header.Values("X-Forwarded-For")), ip), ", "))
	}
	return md
}
