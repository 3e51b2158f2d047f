package service

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// WithRoute adds a handler of your own for the requests that match pattern, as
// [http.ServeMux] has it: for downloads, uploads, redirects and the like. It is
// behind CORS and gets no header that begins with the reserved prefix, but it
// is not behind the interceptors of the services: it authorizes its callers
// itself.
//
// The gateway comes first. A pattern that one of its bindings answers is an
// error of [New]; a wider pattern, such as "GET /", gets what the bindings do
// not answer.
func WithRoute(pattern string, handler http.Handler) Option {
	return func(c *config) { c.routes = append(c.routes, route{pattern, handler}) }
}

type route struct {
	pattern string
	handler http.Handler
}

// withRoutes puts the handlers of WithRoute beside g.
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
			return nil, fmt.Errorf("WithRoute(%q): a binding of the services answers %s %s", route.pattern, r.Method, r.URL.Path)
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

// addTo returns the panic of http.ServeMux as an error.
func (route route) addTo(mux *http.ServeMux) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("WithRoute(%q): %v", route.pattern, v)
		}
	}()
	mux.Handle(route.pattern, route.handler)
	return nil
}

// example returns a request that matches the pattern, with GET if it matches
// any method.
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

// hasBinding reports whether a binding of the services answers r.
func (g *gateway) hasBinding(r *http.Request) bool {
	return g.router.has(r.Method, r) || r.Method == http.MethodHead && g.router.has(http.MethodGet, r)
}

// withoutReservedHeaders returns r, or a copy without what only the platform
// may say. A "_" counts as "-", since some proxies mix them.
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
