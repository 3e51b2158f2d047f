package service

import (
	"cmp"
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

// ReservedPrefix is the prefix of metadata keys that no client can set. A
// Service removes such keys from every call: through the gateway, over
// [Service.ServeGRPC] and on the listener of its transport. Case is ignored
// and "_" equals "-". The keys that a handler finds under the prefix come
// from [WithReservedMetadata].
const ReservedPrefix = "x-lambda-"

const (
	// tokenKey is the key of the secret that distinguishes a Service's own
	// calls from those of others who can reach its transport. The observer's
	// tag may follow as a second value.
	tokenKey = ReservedPrefix + "service-token"

	// Package lambda/event sets these keys; the log uses them.
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

// reservedMetadata is the metadata that a Service adds to its own calls.
type reservedMetadata struct {
	token    string
	from     func(context.Context) iter.Seq2[string, string] // nil: nothing
	observer Observer                                        // nil: none
	logger   *slog.Logger
	once     *sync.Once // of the warning about what from yields

	instruments instrumentations
}

func newReservedMetadata(c *config, instruments instrumentations) reservedMetadata {
	return reservedMetadata{rand.Text(), c.reserved, c.observer, c.logger, new(sync.Once), instruments}
}

// begin begins a call. It returns ctx with the reserved metadata and no other
// keys under the prefix, and what awaits the end of the call. If begin fails,
// it has ended the call itself. It applies to the calls that leave the gateway,
// so the mux and its options cannot bypass it.
func (r reservedMetadata) begin(ctx context.Context, method string) (_ context.Context, ends endings, err error) {
	err = errExited // unless begin returns
	defer func() {
		if err != nil {
			ends.run(err)
		}
	}()
	md, _ := metadata.FromOutgoingContext(ctx) // a copy, with keys in lower case
	all := len(md)
	deleteReserved(md)
	changed := len(md) < all
	pairs := r.pairs(ctx)
	if r.instruments.seeClientCalls(method) {
		if md == nil {
			md = metadata.MD{} // for ClientCall to change
		}
		ctx = r.instruments.clientCall(ctx, method, md, &ends)
		changed = true
	}
	if changed {
		ctx = metadata.NewOutgoingContext(ctx, md)
	}
	// Appending pairs is cheaper than adding them to the map.
	pairs = append(pairs, tokenKey, r.token)
	if r.observer != nil {
		if tag := r.observer.Tag(ctx); tag != "" {
			pairs = append(pairs, tokenKey, tag)
		}
	}
	size := headerListSize(md)
	for i := 0; i < len(pairs); i += 2 {
		size += fieldSize(pairs[i], pairs[i+1])
	}
	if size > maxRequestMetadata {
		return nil, ends, errRequestMetadata
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...), ends, nil
}

// pairs returns the valid keys and values of from, in turn.
func (r reservedMetadata) pairs(ctx context.Context) []string {
	pairs := make([]string, 0, 32) // enough for most of Lambda's events
	if r.from == nil {
		return pairs
	}
	for key, value := range r.from(ctx) {
		if !validKey(key) {
			key = strings.ToLower(key)
		}
		if key == tokenKey || !reserved(key) || !validKey(key) || !strings.HasSuffix(key, "-bin") && !printableASCII(value) {
			r.once.Do(func() {
				r.logger.WarnContext(ctx, "reserved metadata dropped: want a valid key under the prefix and a value in printable ASCII",
					"key", bounded(key), "prefix", ReservedPrefix)
			})
			continue
		}
		pairs = append(pairs, key, value)
	}
	return pairs
}

// reservedConn makes the calls of the gateway. It adds the reserved metadata,
// and distinguishes errors of the transport from those of handlers.
type reservedConn struct {
	grpc.ClientConnInterface
	reserved   reservedMetadata
	maxRequest int // transport.ServerConfig.MaxRecvMsgSize
}

func (c reservedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, ends, err := c.reserved.begin(ctx, method)
	if err != nil {
		return err
	}
	defer func() { ends.run(errExited) }() // has no effect but after a panic
	trailer := trailerOf(opts)
	if trailer == nil {
		trailer = new(metadata.MD)
		opts = append(slices.Clip(opts), grpc.Trailer(trailer))
	}
	err = c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	ends.run(err)
	return c.attribute(err, *trailer)
}

// trailerOf returns the variable that receives the trailer, or nil.
func trailerOf(opts []grpc.CallOption) *metadata.MD {
	for _, o := range opts {
		if t, ok := o.(grpc.TrailerCallOption); ok {
			return t.TrailerAddr
		}
	}
	return nil
}

func (c reservedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, ends, err := c.reserved.begin(ctx, method)
	if err != nil {
		return nil, err
	}
	started := false
	if ends != nil {
		var once sync.Once
		end := func(err error) { once.Do(func() { c.reserved.runContained(ctx, &ends, err) }) }
		opts = append(slices.Clip(opts), grpc.OnFinish(end))
		defer func() {
			if !started {
				end(cmp.Or(err, errExited)) // the latter after a panic
			}
		}()
	}
	s, err := c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, c.attribute(err, nil)
	}
	started = true
	return reservedStream{s, c}, nil
}

// runContained runs ends on a goroutine that may be the transport's, where a panic
// would end the process.
func (r reservedMetadata) runContained(ctx context.Context, ends *endings, err error) {
	err = contained(ctx, func(context.Context) error {
		ends.run(err)
		return nil
	})
	if err != nil {
		r.logger.ErrorContext(ctx, "an instrumentation failed at the end of a call", "error", err)
	}
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

// A metadataFilter is the first stage of a server. It recognizes the
// Service's own calls and removes reserved metadata from all others.
type metadataFilter struct {
	token string // of the Service's own calls; empty if there are none
	stats bool   // a reservedStats sees the calls first
}

// admitted says where a call came from.
type admitted struct {
	own bool   // the Service itself made the call
	tag string // of the observer; empty unless own
}

type admittedKey struct{}

// admit removes what the handler must not see from the metadata of a call. It
// returns the handler's context and the metadata in it.
func (f *metadataFilter) admit(ctx context.Context) (context.Context, metadata.MD, admitted) {
	if f.stats {
		if a, ok := ctx.Value(admittedKey{}).(admitted); ok {
			md, _ := metadata.FromIncomingContext(ctx)
			return metadata.NewIncomingContext(ctx, md), md, a
		}
	} else if s, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RequestMetadata() metadata.MD }); ok {
		if md := s.RequestMetadata(); md != nil { // of package inproc, not a copy
			return ctx, md, f.clean(md)
		}
	}
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	a := f.clean(md)
	return metadata.NewIncomingContext(ctx, md), md, a
}

// clean removes a correct token. Without one it removes everything under the
// prefix. It returns where the call came from.
func (f *metadataFilter) clean(md metadata.MD) admitted {
	tokens := md[tokenKey]
	if f.token == "" || len(tokens) == 0 || len(tokens) > 2 || subtle.ConstantTimeCompare([]byte(tokens[0]), []byte(f.token)) != 1 {
		deleteReserved(md)
		return admitted{}
	}
	delete(md, tokenKey)
	a := admitted{own: true}
	if len(tokens) == 2 {
		a.tag = tokens[1]
	}
	return a
}

// reservedStats passes calls to a stats handler with the metadata that
// handlers see.
type reservedStats struct {
	stats.Handler
	filter *metadataFilter
}

// TagRPC returns the context that the interceptors see later.
func (s reservedStats) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if _, ok := ctx.Value(admittedKey{}).(admitted); !ok {
		admittedCtx, _, a := s.filter.admit(ctx)
		ctx = context.WithValue(admittedCtx, admittedKey{}, a)
	}
	return s.Handler.TagRPC(ctx, info)
}

func (s reservedStats) HandleRPC(ctx context.Context, event stats.RPCStats) {
	switch e := event.(type) {
	case *stats.InHeader:
		seen := *e
		seen.Header = maps.Clone(e.Header) // its values are the event's own copies
		s.filter.clean(seen.Header)
		event = &seen
	case *stats.OutTrailer:
		if _, ok := e.Trailer[handlerErrorKey]; ok {
			seen := *e
			seen.Trailer = maps.Clone(e.Trailer)
			delete(seen.Trailer, handlerErrorKey)
			event = &seen
		}
	}
	s.Handler.HandleRPC(ctx, event)
}

// handlerErrorKey marks, in the trailer of one of the Service's own calls,
// that the error came from a handler or an interceptor.
const handlerErrorKey = ReservedPrefix + "service-handler-error"

// attribute removes the mark of a handler's error from trailer and returns
// err. Without the mark, it returns an error that hides the transport's
// message.
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

// A transportError is an error of the transport, not of a handler. Its status
// is safe for clients; Unwrap returns the original error.
type transportError struct {
	status *status.Status
	cause  error
}

func (e *transportError) Error() string              { return e.status.String() }
func (e *transportError) GRPCStatus() *status.Status { return e.status }
func (e *transportError) Unwrap() error              { return e.cause }

// transportMessage returns the message that clients get for an error of the
// transport.
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
