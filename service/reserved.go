package service

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// ReservedPrefix begins the metadata keys that no client can set. A Service
// removes them from every call, whether it comes through the gateway, over
// [Service.ServeGRPC] or to the listener of its transport, and whatever their
// case and whether words are joined with "-" or "_". What a handler finds under
// the prefix comes from [WithReservedMetadata].
const ReservedPrefix = "x-lambda-"

const (
	// tokenKey carries the secret that tells a Service's own calls from those
	// of others who can reach its transport.
	tokenKey = ReservedPrefix + "service-token"

	// Where package lambda/event puts what the log tells of a request.
	requestIDKey   = ReservedPrefix + "event-request-id"
	traceHeaderKey = ReservedPrefix + "event-trace-id"
	sourceKey      = ReservedPrefix + "event-source"
	coldStartKey   = ReservedPrefix + "event-cold-start"
)

// reserved reports whether key is under [ReservedPrefix].
func reserved(key string) bool {
	if len(key) < len(ReservedPrefix) {
		return false
	}
	for i := range len(ReservedPrefix) {
		c := key[i]
		switch {
		case c == '_':
			c = '-'
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if c != ReservedPrefix[i] {
			return false
		}
	}
	return true
}

func deleteReserved(md metadata.MD) {
	maps.DeleteFunc(md, func(key string, _ []string) bool { return reserved(key) })
}

// reservedMetadata is what a Service adds to its own calls.
type reservedMetadata struct {
	token    string
	from     func(context.Context) iter.Seq2[string, string] // nil: nothing
	observer Observer                                        // nil: none
	logger   *slog.Logger
	once     *sync.Once // of the warning about what from yields
}

func newReservedMetadata(c *config) reservedMetadata {
	return reservedMetadata{token: rand.Text(), from: c.reserved, observer: c.observer, logger: c.logger, once: new(sync.Once)}
}

// outgoing returns ctx with the reserved metadata and no other under the
// prefix. It works on what leaves the gateway, so that nothing the mux does
// with headers, and no option that was given to it, can go past it.
func (r reservedMetadata) outgoing(ctx context.Context) (context.Context, error) {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy, with keys in lower case
	deleteReserved(md)
	if md == nil {
		md = metadata.MD{}
	}
	if r.from != nil {
		r.addTo(ctx, md)
	}
	if r.observer != nil {
		if tag := r.observer.Tag(ctx); tag != "" {
			md[tagKey] = []string{tag}
		}
	}
	md[tokenKey] = []string{r.token}
	if headerListSize(md) > maxRequestMetadata {
		return nil, errRequestMetadata
	}
	return metadata.NewOutgoingContext(ctx, md), nil
}

func (r reservedMetadata) addTo(ctx context.Context, md metadata.MD) {
	for key, value := range r.from(ctx) {
		key = strings.ToLower(key)
		if !reserved(key) || !validKey(key) || !strings.HasSuffix(key, "-bin") && !printableASCII(value) {
			r.once.Do(func() {
				r.logger.WarnContext(ctx, "reserved metadata dropped: want a valid key under the prefix and a value in printable ASCII",
					"key", bounded(key), "prefix", ReservedPrefix)
			})
			continue
		}
		md[key] = append(md[key], value)
	}
}

// reservedConn makes the calls of the gateway: with the reserved metadata, and
// with errors of the transport's own told from those of handlers.
type reservedConn struct {
	grpc.ClientConnInterface
	reserved   reservedMetadata
	maxRequest int // as transport.ServerConfig has MaxRecvMsgSize
}

func (c reservedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, err := c.reserved.outgoing(ctx)
	if err != nil {
		return err
	}
	trailer := trailerOf(opts)
	if trailer == nil {
		trailer = new(metadata.MD)
		opts = append(slices.Clip(opts), grpc.Trailer(trailer))
	}
	err = c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	return c.attribute(err, *trailer)
}

// trailerOf returns where the caller wants the trailer, or nil.
func trailerOf(opts []grpc.CallOption) *metadata.MD {
	for _, o := range opts {
		if t, ok := o.(grpc.TrailerCallOption); ok {
			return t.TrailerAddr
		}
	}
	return nil
}

func (c reservedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := c.reserved.outgoing(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, c.attribute(err, nil)
	}
	return reservedStream{s, c}, nil
}

type reservedStream struct {
	grpc.ClientStream
	conn reservedConn
}

func (s reservedStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, s.conn.attribute(err, nil)
}

func (s reservedStream) SendMsg(m any) error {
	return s.conn.attribute(s.ClientStream.SendMsg(m), nil)
}

func (s reservedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		return nil
	}
	return s.conn.attribute(err, s.ClientStream.Trailer())
}

func (s reservedStream) Trailer() metadata.MD {
	md := s.ClientStream.Trailer()
	delete(md, handlerErrorKey)
	return md
}

// A door is the outermost part of a server: it knows which calls are the
// Service's own, and takes from all others what only those may bring.
type metadataFilter struct {
	token string // of the calls to trust; empty: none
	stats bool   // a reservedStats sees the calls first
}

// admit returns the metadata of a call, as a copy, without what the handler
// must not see, and whether the call is the Service's own.
func (f *metadataFilter) admit(ctx context.Context) (md metadata.MD, own bool) {
	md, _ = metadata.FromIncomingContext(ctx)
	if f.stats {
		if a, ok := ctx.Value(admittedKey{}).(admitted); ok {
			return md, a.own
		}
	}
	return md, f.clean(md)
}

// clean removes the token, and unless it is the right one everything else
// under the prefix.
func (f *metadataFilter) clean(md metadata.MD) (own bool) {
	tokens := md[tokenKey]
	if f.token != "" && len(tokens) == 1 && subtle.ConstantTimeCompare([]byte(tokens[0]), []byte(f.token)) == 1 {
		delete(md, tokenKey)
		return true
	}
	deleteReserved(md)
	return false
}

// reservedStats shows a stats handler the calls as handlers see them.
type reservedStats struct {
	stats.Handler
	filter *metadataFilter
}

type admittedKey struct{}

type admitted struct{ own bool }

// OwnCall reports whether the call of ctx is one that the Service made itself,
// for a request over HTTP, and not one of a gRPC client's. It is for the stats
// handlers of a Service, and what runs inside of them.
func OwnCall(ctx context.Context) bool {
	a, _ := ctx.Value(admittedKey{}).(admitted)
	return a.own
}

// TagRPC returns the context that the interceptors see later.
func (s reservedStats) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if _, ok := ctx.Value(admittedKey{}).(admitted); !ok {
		md, own := s.filter.admit(ctx)
		ctx = context.WithValue(metadata.NewIncomingContext(ctx, md), admittedKey{}, admitted{own})
	}
	return s.Handler.TagRPC(ctx, info)
}

func (s reservedStats) HandleRPC(ctx context.Context, event stats.RPCStats) {
	switch e := event.(type) {
	case *stats.InHeader:
		seen := *e
		seen.Header = e.Header.Copy()
		s.filter.clean(seen.Header)
		event = &seen
	case *stats.OutTrailer:
		seen := *e
		seen.Trailer = e.Trailer.Copy()
		delete(seen.Trailer, handlerErrorKey)
		event = &seen
	}
	s.Handler.HandleRPC(ctx, event)
}

// handlerErrorKey marks, in the trailer of a call of the Service's own, that its
// error is what a handler or an interceptor returned.
const handlerErrorKey = ReservedPrefix + "service-handler-error"

// attribute returns err, or, if the mark of a handler is missing, an error
// that does not say what the transport said. It removes the mark.
func (c reservedConn) attribute(err error, trailer metadata.MD) error {
	if err == nil || isEOF(err) {
		return err
	}
	if _, ok := trailer[handlerErrorKey]; ok {
		delete(trailer, handlerErrorKey)
		return err
	}
	return &transportError{status.New(status.Code(err), c.transportMessage(status.Code(err))), err}
}

// A transportError is an error that the transport made, not a handler. It is
// what a client may know of it; Unwrap returns all of it.
type transportError struct {
	status *status.Status
	cause  error
}

func (e *transportError) Error() string              { return e.status.String() }
func (e *transportError) GRPCStatus() *status.Status { return e.status }
func (e *transportError) Unwrap() error              { return e.cause }

// transportMessage is all that clients are told of an error that the transport
// made.
func (c reservedConn) transportMessage(code codes.Code) string {
	switch code {
	case codes.Canceled:
		return context.Canceled.Error()
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded.Error()
	case codes.ResourceExhausted:
		if c.maxRequest > 0 {
			return fmt.Sprintf("a message is larger than max, which is %d bytes for a request, or the server has too much to do", c.maxRequest)
		}
		return "a message is larger than max, or the server has too much to do"
	case codes.Unavailable:
		return "the server is unavailable"
	case codes.Unimplemented:
		return "unknown service or method"
	default:
		return "the server failed to answer: " + code.String()
	}
}
