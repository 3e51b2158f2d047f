package service

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// WithRoute adds an HTTP handler for the requests that match pattern, in the
// syntax of [http.ServeMux]. Use it for downloads, uploads, redirects and the
// like. The handler is behind CORS and sees no request header with the
// reserved prefix. It is not behind the interceptors of the services, so it
// must authorize its callers itself.
//
// The gateway takes precedence. [New] fails if a binding serves what pattern
// names. A wider pattern, such as "GET /", gets the requests that no binding
// serves.
func WithRoute(pattern string, handler http.Handler) Option {
	return func(c *config) { c.routes = append(c.routes, route{pattern, handler}) }
}

type route struct {
	pattern string
	handler http.Handler
}

// withRoutes combines g with the handlers of WithRoute.
func (c *config) withRoutes(g *gateway) (http.Handler, error) {
	if len(c.routes) == 0 {
		return g, nil
	}
	mux := http.NewServeMux()
	for _, route := range c.routes {
		if err := route.addTo(mux); err != nil {
			return nil, err
		}
		if r := route.example(); r != nil && g.hasBinding(r) {
			return nil, fmt.Errorf("WithRoute(%q): a binding of the services serves %s %s", route.pattern, r.Method, r.URL.Path)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" || g.hasBinding(r) {
			g.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, withoutReservedHeaders(r))
	}), nil
}

// addTo registers the route with mux. It returns a panic of mux as an error.
func (route route) addTo(mux *http.ServeMux) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("WithRoute(%q): %v", route.pattern, v)
		}
	}()
	mux.Handle(route.pattern, route.handler)
	return nil
}

// example returns a request that matches the pattern. Its method is GET if
// the pattern matches any method.
func (route route) example() *http.Request {
	method, rest, found := strings.Cut(route.pattern, " ")
	if !found {
		method, rest = http.MethodGet, method
	}
	_, path, _ := strings.Cut(strings.TrimLeft(rest, " \t"), "/")
	path = strings.ReplaceAll("/"+path, "{$}", "")
	path = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "x")
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil
	}
	return &http.Request{Method: method, URL: u, Header: http.Header{}}
}

// hasBinding reports whether a binding of the services serves r.
func (g *gateway) hasBinding(r *http.Request) bool {
	return g.router.has(r.Method, r) || r.Method == http.MethodHead && g.router.has(http.MethodGet, r)
}

// withoutReservedHeaders returns r, or a copy without the headers that only
// the platform may set. It treats "_" in a name as "-", since some proxies replace
// one by the other.
func withoutReservedHeaders(r *http.Request) *http.Request {
	var stripped http.Header
	for name := range r.Header {
		if !reserved(name) {
			continue
		}
		if stripped == nil {
			stripped = r.Header.Clone()
		}
		delete(stripped, name)
	}
	if stripped == nil {
		return r
	}
	r = r.WithContext(r.Context()) // a copy
	r.Header = stripped
	return r
}
