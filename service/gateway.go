package service

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/rs/cors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
)

// handler builds the gateway on cc, with the defaults that a server open to
// strangers wants, and what goes around it.
func (c *config) handler(ctx context.Context, cc grpc.ClientConnInterface, maxRequest int) (http.Handler, error) {
	cc = c.trusted.wrap(cc)
	options := []runtime.ServeMuxOption{
		runtime.WithIncomingHeaderMatcher(c.requestHeader()),
		runtime.WithOutgoingHeaderMatcher(c.responseHeader()),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(forwardedHost),
		runtime.WithErrorHandler(c.writeError),
		runtime.WithStreamErrorHandler(c.streamError),
		runtime.WithDisableHTTPMethodOverride(), // past per-method authorisation: CVE-2026-37236
		runtime.WithDisablePathLengthFallback(), // likewise, a form POST to a GET
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
		runtime.WithHealthzEndpoint(grpc_health_v1.NewHealthClient(cc)),
	}
	mux := runtime.NewServeMux(append(options, c.mux...)...)
	for _, b := range c.bindings {
		if err := b.gateway(ctx, mux, cc); err != nil {
			return nil, fmt.Errorf("registering a gateway handler: %w", err)
		}
	}
	h, err := c.withRPC(cc, maxRequest, headAsGet(mux))
	if err != nil {
		return nil, err
	}
	return c.withCORS(h)
}

// forwardedHost replaces the X-Forwarded-Host that a client wrote, which the
// gateway would pass on as it is, by the Host of the request.
func forwardedHost(_ context.Context, r *http.Request) metadata.MD {
	return metadata.MD{"x-forwarded-host": {r.Host}}
}

// headAsGet answers HEAD as GET without the body, which the gateway's mux
// knows nothing of.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(r.Context()) // a copy
			r.Method = http.MethodGet
			w = bodiless{w}
		}
		next.ServeHTTP(w, r)
	})
}

// bodiless drops the body.
type bodiless struct{ http.ResponseWriter }

func (bodiless) Write(p []byte) (int, error) { return len(p), nil }

func (w bodiless) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (c *config) withCORS(next http.Handler) (http.Handler, error) {
	if len(c.origins) == 0 {
		return next, nil
	}
	for _, origin := range c.origins {
		if err := checkOrigin(origin); err != nil {
			return nil, err
		}
	}
	o := cors.Options{
		AllowedOrigins: c.origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Content-Type", "Authorization"},
		MaxAge:         600, // seconds
	}
	for name := range requestHeaders(c.requestIn) {
		o.AllowedHeaders = append(o.AllowedHeaders, name)
	}
	for _, name := range responseHeaders(c.responseIn) {
		o.ExposedHeaders = append(o.ExposedHeaders, name)
	}
	if c.rpc {
		o.AllowedHeaders = append(o.AllowedHeaders, rpc.RequestHeaders()...)
		o.ExposedHeaders = rpc.ResponseHeaders(o.ExposedHeaders...)
	}
	return cors.New(o).Handler(next), nil
}

// checkOrigin refuses what no Origin header can match.
func checkOrigin(origin string) error {
	example := strings.Replace(origin, "*", "x", 1)
	u, err := url.Parse(example)
	wellFormed := err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == example && !strings.Contains(example, "*")
	if wellFormed || origin == "*" {
		return nil
	}
	return fmt.Errorf("CORS origin %q: want * or scheme://host[:port], with at most one * in it", origin)
}
