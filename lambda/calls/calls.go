// Package calls counts and times gRPC calls under the names that
// go-grpc-middleware's Prometheus provider has for them, and hands them over as
// Prometheus' client does. It has nothing else of that client, whose import
// alone takes a sixth of the function's cold start. With a registry of one's
// own to write as well, use service/metrics and that registry instead.
package calls

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A Recorder has the metrics of one service.Service, as the service.Metrics of
// which it counts the calls, and is the emf.Gatherer of their export:
//
//   - grpc_server_handled_total, calls by type, service, method and code;
//   - grpc_server_handling_seconds, how long they took, without the code;
//   - grpc_gateway_transport_info, always 1, by transport.
//
// It is safe for concurrent use.
type Recorder struct {
	now func() time.Time

	mu        sync.Mutex
	transport string
	handled   map[outcome]float64
	seconds   map[method]*histogram
}

// New returns a Recorder without any calls. now is its clock, such as time.Now.
func New(now func() time.Time) *Recorder {
	return &Recorder{now: now, handled: make(map[outcome]float64), seconds: make(map[method]*histogram)}
}

// method is a method with its kind, such as "unary" or "server_stream".
type method struct{ kind, service, name string }

type outcome struct {
	method
	code codes.Code
}

// histogram counts durations by the first of bounds that they do not exceed;
// longer ones are in none.
type histogram struct {
	buckets [11]uint64
	count   uint64
	sum     float64
}

// bounds are the default buckets of Prometheus' clients, in seconds.
func bounds() [11]float64 {
	return [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

// UnaryServerInterceptor counts unary calls.
func (r *Recorder) UnaryServerInterceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		start := r.now()
		reply, err := next(ctx, req)
		r.record("unary", info.FullMethod, err, start)
		return reply, err
	}
}

// StreamServerInterceptor counts streams.
func (r *Recorder) StreamServerInterceptor() grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		start := r.now()
		err := next(srv, stream)
		r.record(kind(info), info.FullMethod, err, start)
		return err
	}
}

func kind(info *grpc.StreamServerInfo) string {
	switch {
	case info.IsClientStream && info.IsServerStream:
		return "bidi_stream"
	case info.IsClientStream:
		return "client_stream"
	}
	return "server_stream"
}

func (r *Recorder) record(kind, fullMethod string, err error, start time.Time) {
	seconds := r.now().Sub(start).Seconds()
	service, name, _ := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	m := method{kind, service, name}
	result, ok := status.FromError(err)
	if !ok {
		result = status.FromContextError(err) // as grpc's server does, after the interceptors
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handled[outcome{m, result.Code()}]++
	h := r.seconds[m]
	if h == nil {
		h = new(histogram)
		r.seconds[m] = h
	}
	h.add(seconds)
}

func (h *histogram) add(seconds float64) {
	h.count++
	h.sum += seconds
	for i, bound := range bounds() {
		if seconds <= bound {
			h.buckets[i]++
			return
		}
	}
}

// Opened notes which transport is in use.
func (r *Recorder) Opened(transport string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.transport = transport
}

// Closed does nothing: what was counted can still be gathered.
func (r *Recorder) Closed() {}
