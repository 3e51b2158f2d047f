package emf

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// Instrument counts and times the calls of one service.Service. Pass it to
// [service.WithInstrumentation]. The metrics have the names of go-grpc-middleware's
// Prometheus provider:
//
//   - grpc_server_handled_total, by grpc_service, grpc_method and grpc_code;
//   - grpc_server_handling_seconds, by grpc_service and grpc_method;
//   - grpc_gateway_transport_info, 1 for each opening of a transport, by transport.
//
// A flush of the Service calls [Recorder.FlushIfDue].
func (r *Recorder) Instrument(service.Host) (service.Instrumentation, error) {
	return service.Instrumentation{
		UnaryInterceptor: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			start := r.now()
			reply, err := next(ctx, req)
			r.called(info.FullMethod, err, start)
			return reply, err
		},
		StreamInterceptor: func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			start := r.now()
			err := next(srv, stream)
			r.called(info.FullMethod, err, start)
			return err
		},
		Opened: func(transport string) {
			r.Add("grpc_gateway_transport_info", "", 1, Dimension{"transport", transport})
		},
		Flush: func(context.Context) error { return r.FlushIfDue() },
		Close: func(context.Context) error { return r.Flush() },
	}, nil
}

func (r *Recorder) called(fullMethod string, err error, start time.Time) {
	seconds := r.now().Sub(start).Seconds()
	result, ok := status.FromError(err)
	if !ok {
		result = status.FromContextError(err) // as grpc-go's server does after the interceptors
	}
	service, method, _ := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	of := [...]Dimension{{"grpc_service", service}, {"grpc_method", method}, {"grpc_code", result.Code().String()}}
	r.Add("grpc_server_handled_total", "Count", 1, of[:]...)
	r.Observe("grpc_server_handling_seconds", "Seconds", seconds, of[:2]...)
}
