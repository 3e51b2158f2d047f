package event

import (
	"log/slog"
	"net/http"
	"time"
)

// An Option configures a [Handler].
type Option func(*Handler)

// WithBasePath removes path, such as "/api" or "api", from the front of request
// paths. It removes path once and only as whole segments: /api/v1/ping becomes
// /v1/ping, /api becomes /, and /apiary is unchanged.
//
// A request path without path in front is served unchanged, so one function can
// serve a custom domain with a base path and a URL without it. A base path is
// therefore not access control. By default nothing is removed.
func WithBasePath(path string) Option {
	return func(h *Handler) { h.basePath = normalBasePath(path) }
}

// WithDeadlineMargin sets how long before the invocation's deadline the context
// of a request ends, which leaves time to respond. The margin is at most half of
// the time that is left. In the first half of the margin the handler can still
// respond; after it the Handler responds instead. The default is 500 ms.
func WithDeadlineMargin(margin time.Duration) Option {
	return func(h *Handler) { h.deadlineMargin = max(margin, 0) }
}

// WithMaxBodyBytes sets the maximum size of a request's body, in bytes after
// decoding. A request with a larger body gets 413; its body is not decoded and
// the handler is not called. The default is 6 MiB, Lambda's own limit.
func WithMaxBodyBytes(n int) Option {
	return func(h *Handler) { h.maxBody = max(n, 0) }
}

// WithLogger sets the logger for panics and mistakes of the handler. The default
// is the value of slog.Default() when NewHandler is called.
func WithLogger(logger *slog.Logger) Option {
	return func(h *Handler) { h.log = logger }
}

// WithErrorWriter sets the function that writes the package's own responses, for
// example to a body that is not valid base64, or in place of a response that is
// too large. If write panics or its response is too large, the default is used.
// The default writes google.rpc.Status in JSON, as grpc-gateway does:
//
//	{"code":3,"message":"the body is not valid base64","details":[]}
func WithErrorWriter(write func(http.ResponseWriter, *Error)) Option {
	return func(h *Handler) { h.writeError = write }
}
