package service

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// handler builds the gateway on cc, with defaults for a server that anyone
// can reach, and the handlers around it.
func (c *config) handler(ctx context.Context, cc grpc.ClientConnInterface, maxRequest int) (http.Handler, error) {
	g, err := c.newGateway(ctx, gatewayConn{cc, c})
	if err != nil {
		return nil, err
	}
	h, err := c.withRoutes(g)
	if err != nil {
		return nil, err
	}
	if h, err = c.withRPC(cc, maxRequest, h); err != nil {
		return nil, err
	}
	return c.withCORS(h)
}

// A gateway serves requests by calling the services.
type gateway struct {
	mux    *runtime.ServeMux
	router router
}

func (c *config) newGateway(ctx context.Context, cc grpc.ClientConnInterface) (*gateway, error) {
	options := slices.Concat(c.muxDefaults(cc), c.mux)
	g := &gateway{router: router{runtime.NewServeMux(routerOptions(options)...)}}
	// Options that the user must not override come last. A separate mux
	// applies the user's error handlers.
	errorMux := runtime.NewServeMux(options...)
	g.mux = runtime.NewServeMux(slices.Concat(options, c.errorHandlers(errorMux), []runtime.ServeMuxOption{
		runtime.WithMiddlewares(writeResponses),
		runtime.WithForwardResponseOption(writeHTTPBody),
	})...)
	for _, b := range c.bindings {
		for _, mux := range []*runtime.ServeMux{g.mux, g.router.mux} {
			if err := b.gateway(ctx, mux, cc); err != nil {
				return nil, fmt.Errorf("registering a gateway handler: %w", err)
			}
		}
	}
	return g, nil
}

// muxDefaults returns the options that the user's own may override.
func (c *config) muxDefaults(cc grpc.ClientConnInterface) []runtime.ServeMuxOption {
	json := c.json.marshaler()
	return []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, json),
		runtime.WithMarshalerOption(eventStreamType, eventStream{json}),
		runtime.WithIncomingHeaderMatcher(c.requestHeader()),
		runtime.WithOutgoingHeaderMatcher(c.responseHeader()),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithDisableHTTPMethodOverride(), // it would bypass per-method authorization: CVE-2026-37236
		runtime.WithDisablePathLengthFallback(), // likewise, by a form POST to a GET binding
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
		runtime.WithMiddlewares(keepEncodedSlashes),
		runtime.WithForwardResponseOption(httpBodyType),
		runtime.WithHealthzEndpoint(grpc_health_v1.NewHealthClient(cc)),
	}
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w = bodiless{w}
	}
	if r = checkHeaders(g.mux, w, r); r == nil {
		return
	}
	call, r := newCall(w, r)
	dropForwardedHost(r)
	if call.isHead && !g.router.has(http.MethodHead, r) {
		r.Method = http.MethodGet // the response is the same, without the body
	}
	preferEventStream(r)
	g.mux.ServeHTTP(w, r)
	if call.broken {
		panic(http.ErrAbortHandler)
	}
}

// dropForwardedHost removes an X-Forwarded-Host from the client. The mux then
// passes on the Host of r under that name. The header of r may be shared.
func dropForwardedHost(r *http.Request) {
	if _, ok := r.Header["X-Forwarded-Host"]; ok {
		r.Header = maps.Clone(r.Header)
		delete(r.Header, "X-Forwarded-Host")
	}
}
