package telemetry

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// clientCall starts the span of a call that the Service makes. If the context
// has no span, as for an event that is not an HTTP request, it determines the
// parent and the facts as for an HTTP request, and links the sender of a
// message.
func (t *tracing) clientCall(ctx context.Context, method string, md metadata.MD) (context.Context, func(error)) {
	begin := time.Now()
	attributes := rpcAttributes(method, maxFacts)
	options := append(make([]trace.SpanStartOption, 0, 3), clientKind)
	if q := requestOf(ctx); q != nil {
		if method == q.path {
			q.isRPC.Store(true)
		}
	} else if !trace.SpanContextFromContext(ctx).IsValid() {
		platform := readFacts(t.platform(ctx), attributes)
		attributes = platform.attributes
		if t.xray && platform.parent.IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, platform.parent)
		}
		if t.xray && platform.sender.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: platform.sender}))
		}
	}
	ctx, span := t.tracer.Start(ctx, rpcName(method), append(options, trace.WithAttributes(attributes...))...)
	for _, key := range t.fields {
		delete(md, key)
	}
	t.propagator.Inject(ctx, carrier(md))
	t.late.Add(-1)
	return ctx, func(err error) {
		defer t.late.Add(1)
		s, end := status.Convert(err), begin.Add(time.Since(begin))
		t.ends.do(func() { endRPC(span, s, err != nil, end) })
	}
}

// serverCall starts the span of a call that a server has received. It trusts
// the gateway. For gRPC clients it follows the environment.
func (t *tracing) serverCall(ctx context.Context, method string, md metadata.MD, own bool) (context.Context, func(error)) {
	begin := time.Now()
	ctx = t.propagator.Extract(ctx, carrier(md))
	options := append(make([]trace.SpanStartOption, 0, 4), serverKind, trace.WithAttributes(rpcAttributes(method, 0)...))
	if !own && !t.clients {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	if !own && !t.followClients {
		options = append(options, trace.WithNewRoot())
		if client := trace.SpanContextFromContext(ctx); client.IsValid() && client.IsRemote() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: client}))
		}
	}
	ctx, span := t.tracer.Start(ctx, rpcName(method), options...)
	if own {
		t.late.Add(1)
	}
	return ctx, func(err error) {
		if own {
			defer t.late.Add(-1)
		}
		s, duration := status.Convert(err), time.Since(begin)
		t.ends.do(func() {
			failed := isServerError(s.Code())
			endRPC(span, s, failed, begin.Add(duration))
			if t.rpcDuration.Enabled(ctx) {
				attributes := append(rpcAttributes(method, 2), semconv.RPCResponseStatusCode(codeName(s.Code())))
				if failed {
					attributes = append(attributes, semconv.ErrorTypeKey.String(codeName(s.Code())))
				}
				t.rpcDuration.RecordSet(ctx, duration.Seconds(), attribute.NewSet(attributes...))
			}
		})
	}
}

var (
	clientKind = trace.WithSpanKind(trace.SpanKindClient)
	serverKind = trace.WithSpanKind(trace.SpanKindServer)
)

// rpcName returns the name of a method, which a client may have made up if the
// server has a handler for unknown ones.
func rpcName(method string) string { return valid(strings.TrimPrefix(method, "/")) }

// rpcAttributes returns the attributes of a call, with room for more.
func rpcAttributes(method string, room int) []attribute.KeyValue {
	return append(make([]attribute.KeyValue, 0, 2+room), semconv.RPCSystemNameGRPC, semconv.RPCMethod(rpcName(method)))
}

func endRPC(span trace.Span, s *status.Status, failed bool, end time.Time) {
	if span.IsRecording() {
		code := codeName(s.Code())
		span.SetAttributes(semconv.RPCResponseStatusCode(code))
		if failed {
			span.SetStatus(otelcodes.Error, valid(s.Message()))
			span.SetAttributes(semconv.ErrorTypeKey.String(code))
		}
	}
	span.End(trace.WithTimestamp(end))
}

// isServerError reports whether a code is an error of the server, as the
// semantic conventions of gRPC define it. For a client every code but OK is an
// error.
func isServerError(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}

var codeNames = [...]string{
	codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
	codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
	codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED",
}

// codeName returns the name that gRPC's specification gives to a code.
func codeName(code codes.Code) string {
	if int(code) < len(codeNames) {
		return codeNames[code]
	}
	return "CODE(" + strconv.FormatUint(uint64(code), 10) + ")"
}

// carrier is metadata as a [propagation.TextMapCarrier].
type carrier metadata.MD

func (c carrier) Get(key string) string {
	if values := c[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Values implements [propagation.ValuesGetter].
func (c carrier) Values(key string) []string { return c[key] }

func (c carrier) Set(key, value string) { c[strings.ToLower(key)] = []string{value} }
func (c carrier) Keys() []string        { return slices.Collect(maps.Keys(c)) }

// A server may run on when its client has seen the end, for example at a
// deadline. If the process is frozen then, the span is not exported until it
// runs again.
const (
	lateBound    = 20 * time.Millisecond
	lateInterval = 200 * time.Microsecond
)

// awaitServer waits until the server has ended the calls whose clients have
// seen the end.
func (t *tracing) awaitServer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lateBound)
	defer cancel()
	for t.late.Load() > 0 && ctx.Err() == nil {
		time.Sleep(lateInterval)
	}
}
