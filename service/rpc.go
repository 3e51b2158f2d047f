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

// WithRPC serves the bound services to clients of Connect and gRPC-Web too, at
// /package.Service/Method: all of them, or those that are named in full, such
// as "example.v1.EchoService". Methods without an HTTP annotation can then be
// called by anybody who can reach the handler. Health and reflection are never
// served this way.
//
// Headers, reserved metadata, CORS, the masking of errors and the limit of
// requests are the same as for the gateway.
func WithRPC(services ...string) Option {
	return func(c *config) {
		c.rpc = true
		c.rpcServices = append(c.rpcServices, services...)
	}
}

// WithBodyLimits tells what the client's way to the handler does to bodies of
// RPCs. response returns how many bytes a response may have, as a JSON string
// holds it, or 0 for any number. binary returns an error that tells the client
// why a binary body cannot come through unharmed. Both may be nil.
func WithBodyLimits(response func(context.Context) int, binary func(context.Context) error) Option {
	return func(c *config) { c.responseLimit, c.binaryRefused = response, binary }
}

// withRPC returns next with the RPCs in front of it. cc is the channel with the
// reserved metadata.
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

// exposed returns the services that WithRPC is about.
func (c *config) exposed() (map[string]grpc.ServiceInfo, error) {
	bound := c.bound()
	if len(c.rpcServices) == 0 {
		return bound, nil
	}
	named := map[string]grpc.ServiceInfo{}
	for _, name := range c.rpcServices {
		info, ok := bound[name]
		if !ok {
			return nil, fmt.Errorf("WithRPC: service %q is not bound; these are: %s", name, strings.Join(slices.Sorted(maps.Keys(bound)), ", "))
		}
		named[name] = info
	}
	return named, nil
}

// recorder is a registrar that only remembers what was registered.
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

// rpcRequestHeader is requestHeader with what the gateway passes by itself.
func (c *config) rpcRequestHeader() func(string) (string, bool) {
	match := c.requestHeader()
	return func(name string) (string, bool) {
		if name == "Authorization" {
			return "authorization", true
		}
		return match(name)
	}
}

// forwarded returns the metadata that the gateway makes of who sent a request.
func forwarded(r *http.Request) metadata.MD {
	md := forwardedHost(r.Context(), r)
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		md.Set("x-forwarded-for", strings.Join(append(slices.Clone(r.Header.Values("X-Forwarded-For")), ip), ", "))
	}
	return md
}
