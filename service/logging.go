package service

import (
	"log/slog"
	"runtime"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// logCall logs a call that has ended. The logger's handler adds which call it
// is.
func (o outermost) logCall(c *serverCall, err error) {
	code := status.Code(err)
	l := level(code)
	if !o.logger.Enabled(c.ctx, l) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 16), slog.String("transport", o.transportName()))
	if address := c.peerAddress(); address != "" {
		attrs = append(attrs, slog.String("peer.address", address))
	}
	attrs = append(attrs,
		slog.String("grpc.method_type", c.methodType),
		slog.String("grpc.start_time", c.start.Format(time.RFC3339)))
	if deadline, ok := c.ctx.Deadline(); ok {
		attrs = append(attrs, slog.String("grpc.request.deadline", deadline.Format(time.RFC3339)))
	}
	attrs = append(attrs, slog.String("grpc.code", code.String()))
	if err != nil {
		attrs = append(attrs, slog.String("grpc.error", bounded(err.Error())))
	}
	now := time.Now()
	attrs = append(attrs, slog.Float64("grpc.time_ms", float64(now.Sub(c.start).Microseconds())/1e3))
	// Logger.LogAttrs would walk the stack for the source on every call.
	r := slog.NewRecord(now, l, "finished call", o.source)
	r.AddAttrs(attrs...)
	_ = o.logger.Handler().Handle(c.ctx, r) // as a Logger does
}

// programCounter returns the position of its caller, for [slog.Record].
func programCounter() uintptr {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	return pcs[0]
}

// RequestID returns the request id in the metadata of a call: the platform's,
// or else the client's X-Request-Id. It is empty if there is none.
func RequestID(md metadata.MD) string {
	for _, key := range [...]string{requestIDKey, "x-request-id"} {
		if ids := md[key]; len(ids) > 0 {
			return boundRequestID(ids[0])
		}
	}
	return ""
}

// peerAddress returns the address of the caller. For the gateway's calls it
// is the address of the HTTP client. For others it is the peer of the
// connection, whatever their metadata says.
func (c *serverCall) peerAddress() string {
	if c.own {
		if forwarded := c.metadata["x-forwarded-for"]; len(forwarded) > 0 {
			list := forwarded[len(forwarded)-1] // its last entry is the gateway's
			return cut(list[strings.LastIndexByte(list, ' ')+1:], maxAddressText)
		}
	}
	if p, ok := peer.FromContext(c.ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

const (
	maxMethodText  = 256
	maxAddressText = 64
)

// level is Error for server faults, Warn for overload, and Info otherwise.
func level(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted:
		return slog.LevelWarn
	}
	if undefined(code) {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// undefined reports whether gRPC does not define code.
func undefined(code codes.Code) bool { return code > codes.Unauthenticated }
