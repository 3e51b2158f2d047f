package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// interceptors returns those that every Service has, the outermost first: what
// strangers must not set is removed, then the call is logged and counted as it
// ends, a panic having become an Internal error inside of both.
func (s *Service) interceptors(transportName *string, external bool) ([]grpc.UnaryServerInterceptor, []grpc.StreamServerInterceptor) {
	c := s.config
	var unary []grpc.UnaryServerInterceptor
	var stream []grpc.StreamServerInterceptor
	if external && c.trusted.prefix != "" {
		unary = append(unary, c.trusted.stripUnary)
		stream = append(stream, c.trusted.stripStream)
	}
	logger := logging.LoggerFunc(func(ctx context.Context, level logging.Level, msg string, fields ...any) {
		c.logger.Log(ctx, slog.Level(level), msg, fields...)
	})
	logOptions := c.logOptions(transportName, external)
	unary = append(unary, selector.UnaryServerInterceptor(logging.UnaryServerInterceptor(logger, logOptions...), selector.MatchFunc(notHealth)))
	stream = append(stream, selector.StreamServerInterceptor(logging.StreamServerInterceptor(logger, logOptions...), selector.MatchFunc(notHealth)))
	if s.metrics != nil {
		unary = append(unary, s.metrics.UnaryServerInterceptor())
		stream = append(stream, s.metrics.StreamServerInterceptor())
	}
	onPanic := recovery.WithRecoveryHandlerContext(c.recovered)
	return append(unary, recovery.UnaryServerInterceptor(onPanic)), append(stream, recovery.StreamServerInterceptor(onPanic))
}

// notHealth keeps health checks, which come every few seconds, out of the log.
func notHealth(_ context.Context, call interceptors.CallMeta) bool {
	return call.Service != grpc_health_v1.Health_ServiceDesc.ServiceName
}

func (c *config) logOptions(transportName *string, external bool) []logging.Option {
	return []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		logging.WithLevels(level),
		logging.WithDisableLoggingFields(logging.SystemTag[0], logging.ComponentFieldKey),
		logging.WithDurationField(func(d time.Duration) logging.Fields {
			return logging.Fields{"grpc.time_ms", float64(d.Microseconds()) / 1e3}
		}),
		logging.WithFieldsFromContext(func(ctx context.Context) logging.Fields {
			fields := logging.Fields{"transport", *transportName}
			if id := c.requestID(ctx); id != "" {
				fields = append(fields, "request_id", id)
			}
			if !external {
				// The peer is the gateway; who called that is the last entry.
				if forwarded := metadata.ValueFromIncomingContext(ctx, "x-forwarded-for"); len(forwarded) > 0 {
					list := forwarded[len(forwarded)-1]
					fields = append(fields, "peer.address", list[strings.LastIndexByte(list, ' ')+1:])
				}
			}
			return fields
		}),
	}
}

// requestID is the id that the platform gave the request, or else the client.
func (c *config) requestID(ctx context.Context) string {
	if c.trusted.prefix != "" {
		if ids := metadata.ValueFromIncomingContext(ctx, c.trusted.prefix+"request-id"); len(ids) > 0 {
			return ids[0]
		}
	}
	if ids := metadata.ValueFromIncomingContext(ctx, "x-request-id"); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// level is error for what the operator has to mend, warn for what may come of
// load, and info for success and for the client's mistakes.
func level(code codes.Code) logging.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return logging.LevelError
	case codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted:
		return logging.LevelWarn
	default:
		return logging.LevelInfo
	}
}

func (c *config) recovered(ctx context.Context, p any) error {
	method, _ := grpc.Method(ctx)
	c.logger.ErrorContext(ctx, "panic in a handler", "grpc.method", method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return status.Error(codes.Internal, "panic in a handler")
}

func (t trusted) stripUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	return next(t.incoming(ctx), req)
}

func (t trusted) stripStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return next(srv, streamWithContext{stream, t.incoming(stream.Context())})
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s streamWithContext) Context() context.Context { return s.ctx }
