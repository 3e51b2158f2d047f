package event

import (
	"log/slog"
	"net/http"
	"time"
)

// An Option changes how a [Handler] works.
type Option func(*Handler)

// WithBasePath removes path, such as "/api" or "api", from the front of the
// paths that have it, once and in whole segments: /api/v1/ping becomes
// /v1/ping and /api becomes /, while /apiary stays what it is. A path that does
// not have it is served as it is, so that a function can be reached through a
// custom domain with a base path and without it at the same time; base paths
// are no means of access control. The default is to remove nothing.
func WithBasePath(path string) Option {
	return func(h *Handler) { h.basePath = normalBasePath(path) }
}

// WithDeadlineMargin makes the deadline of a request's context end that much
// before the invocation's, so that there is time left to tell the client. It
// never takes more than half of the time that is left. Half of the margin is
// the handler's to answer that its context has ended; then the client is
// answered in its place. The default is 500 ms.
func WithDeadlineMargin(margin time.Duration) Option {
	return func(h *Handler) { h.deadlineMargin = max(margin, 0) }
}

// WithMaxBodyBytes sets how long the body of a request may be, in bytes when it
// is decoded. A longer one is answered with 413, before it is decoded; the
// handler is not called. The default is 6 MiB, as much as Lambda lets through.
func WithMaxBodyBytes(n int) Option {
	return func(h *Handler) { h.maxBody = max(n, 0) }
}

// WithLogger sets where panics and mistakes of the handler are logged. The
// default is slog.Default, as it is when the Handler is made.
func WithLogger(logger *slog.Logger) Option {
	return func(h *Handler) { h.log = logger }
}

// WithErrorWriter sets how the answers look that this package gives itself: to
// a body that is not valid base64, in place of a response that is too large, and
// so on. If write panics, or what it writes is too large, the default is used,
// which is google.rpc.Status in JSON as grpc-gateway has it:
//
//	{"code":3,"message":"the body is not valid base64","details":[]}
func WithErrorWriter(write func(http.ResponseWriter, *Error)) Option {
	return func(h *Handler) { h.writeError = write }
}
