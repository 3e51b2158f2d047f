package service

import (
	"context"
	"net/http"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// A router reports which requests the gateway has a handler for.
type router struct{ mux *runtime.ServeMux }

type routedKey struct{}

// has reports whether there is a handler for the method and the path of r.
func (t router) has(method string, r *http.Request) bool {
	var routed bool
	r = r.WithContext(context.WithValue(r.Context(), routedKey{}, &routed))
	r.Method, r.Body = method, http.NoBody
	t.mux.ServeHTTP(discard{}, r)
	return routed
}

// routerOptions returns the options of a router's mux, given those of the
// gateway's.
func routerOptions(options []runtime.ServeMuxOption) []runtime.ServeMuxOption {
	first := runtime.WithMiddlewares(func(runtime.HandlerFunc) runtime.HandlerFunc {
		return func(_ http.ResponseWriter, r *http.Request, _ map[string]string) {
			if routed, ok := r.Context().Value(routedKey{}).(*bool); ok {
				*routed = true
			}
		}
	})
	return slices.Concat([]runtime.ServeMuxOption{first}, options, []runtime.ServeMuxOption{
		runtime.WithErrorHandler(func(context.Context, *runtime.ServeMux, runtime.Marshaler, http.ResponseWriter, *http.Request, error) {
		}),
		runtime.WithRoutingErrorHandler(func(context.Context, *runtime.ServeMux, runtime.Marshaler, http.ResponseWriter, *http.Request, int) {}),
	})
}

// discard is an http.ResponseWriter that ignores what is written.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// bodiless is an http.ResponseWriter that drops the body.
type bodiless struct{ http.ResponseWriter }

// Write writes the header if it has not been written, and drops p.
func (w bodiless) Write(p []byte) (int, error) {
	_, err := w.ResponseWriter.Write(nil)
	return len(p), err
}

func (w bodiless) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w bodiless) Unwrap() http.ResponseWriter { return w.ResponseWriter }
