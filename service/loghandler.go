package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// NewLogHandler returns a handler that adds attributes of the current call to
// each record and passes it to next. It works with the contexts of handlers
// and interceptors of a [Service], on every transport. Records with other
// contexts are passed on unchanged. These attributes are added, if known:
//
//	requestId                  the platform's id of the request, or the client's X-Request-Id
//	trace_id, span_id          of the span in the context, see [Instrumentation]
//	source                     what sent the request, such as http-api; on Lambda
//	coldStart                  true for the first request of a process; on Lambda
//	grpc.service, grpc.method  the call
//
// Without a span, trace_id is the trace that the platform or the client named.
// The attributes are at the root of the record, outside all groups. A panic
// of next is returned as an error of Handle. A Service logs through such a
// handler. To have them in your own handlers' records,
// log with [log/slog.InfoContext] and the like, and install the handler as
// the default:
//
//	slog.SetDefault(slog.New(service.NewLogHandler(slog.NewJSONHandler(os.Stdout, nil))))
func NewLogHandler(next slog.Handler) slog.Handler {
	if h, ok := next.(*logHandler); ok {
		return h
	}
	return &logHandler{root: next, next: next}
}

type logHandler struct {
	root   slog.Handler                      // before the first group was opened
	next   slog.Handler                      // root with inside
	inside []func(slog.Handler) slog.Handler // the first group, and all after it
}

func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *logHandler) Handle(ctx context.Context, r slog.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("service: panic in a log handler: %v", p)
		}
	}()
	c, ok := ctx.Value(serverCallKey{}).(*serverCall)
	if !ok || hasCallAttrs(r) {
		return h.next.Handle(ctx, r)
	}
	var buffer [7]slog.Attr
	attrs := c.appendAttrs(ctx, buffer[:0])
	if len(h.inside) == 0 {
		r = r.Clone()
		r.AddAttrs(attrs...)
		return h.next.Handle(ctx, r)
	}
	next := h.root.WithAttrs(slices.Clone(attrs))
	for _, apply := range h.inside {
		next = apply(next)
	}
	return next.Handle(ctx, r)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.inside) == 0 {
		next := h.next.WithAttrs(attrs)
		return &logHandler{root: next, next: next}
	}
	return h.with(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *logHandler) with(apply func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{root: h.root, next: apply(h.next), inside: append(slices.Clip(h.inside), apply)}
}

const grpcServiceKey = "grpc.service"

// hasCallAttrs reports whether a log handler has already added the attributes
// to r.
func hasCallAttrs(r slog.Record) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == grpcServiceKey
		return !found
	})
	return found
}

type serverCallKey struct{}

// appendAttrs appends the attributes of the call for a record that is logged
// with ctx.
func (c *serverCall) appendAttrs(ctx context.Context, attrs []slog.Attr) []slog.Attr {
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("requestId", RequestID(c.metadata))
	traceID, spanID := c.spanContext(ctx)
	if traceID == "" {
		traceID = c.traceID()
	}
	add("trace_id", traceID)
	add("span_id", spanID)
	add("source", c.first(sourceKey))
	if c.first(coldStartKey) != "" {
		attrs = append(attrs, slog.Bool("coldStart", true))
	}
	service, method, _ := strings.Cut(strings.TrimPrefix(c.method, "/"), "/")
	return append(attrs, slog.String(grpcServiceKey, cut(service, maxMethodText)), slog.String("grpc.method", cut(method, maxMethodText)))
}

// first returns the first value of a key, or "".
func (c *serverCall) first(key string) string {
	if values := c.metadata[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// traceID returns the id of the call's trace in hexadecimal. It comes from
// the platform's X-Ray header, or else from the client's traceparent (W3C
// Trace Context, section 3.2).
func (c *serverCall) traceID() string {
	for field := range strings.SplitSeq(c.first(traceHeaderKey), ";") {
		if root, ok := strings.CutPrefix(field, "Root=1-"); ok && len(root) == 33 && root[8] == '-' {
			return root[:8] + root[9:]
		}
	}
	if parent := c.first("traceparent"); len(parent) >= 55 && parent[2] == '-' && parent[35] == '-' {
		return parent[3:35]
	}
	return ""
}
