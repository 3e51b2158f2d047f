package service

import (
	"context"
	"iter"
	"maps"
	"net/textproto"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// requestHeaders is which request headers become metadata, by their canonical
// names, and under which keys. The gateway passes on Authorization itself.
func requestHeaders(more map[string]string) map[string]string {
	allowed := map[string]string{
		"Accept-Language": runtime.MetadataPrefix + "accept-language",
		"Idempotency-Key": "idempotency-key",
		"Traceparent":     "traceparent",
		"Tracestate":      "tracestate",
		"User-Agent":      runtime.MetadataPrefix + "user-agent",
		"X-Request-Id":    "x-request-id",
	}
	maps.Copy(allowed, more)
	return allowed
}

// responseHeaders is which header metadata becomes response headers.
func responseHeaders(more map[string]string) map[string]string {
	allowed := map[string]string{"retry-after": "Retry-After", "x-request-id": "X-Request-Id"}
	for name, key := range more {
		allowed[key] = name
	}
	return allowed
}

// addHeaders adds to m, which may be nil, the canonical form of each name with
// its lower-case form as the metadata key.
func addHeaders(m map[string]string, names []string) map[string]string {
	if m == nil {
		m = make(map[string]string, len(names))
	}
	for _, name := range names {
		m[textproto.CanonicalMIMEHeaderKey(name)] = strings.ToLower(name)
	}
	return m
}

func (c *config) requestHeader() runtime.HeaderMatcherFunc {
	allowed := requestHeaders(c.requestIn)
	return func(name string) (string, bool) {
		key, ok := allowed[textproto.CanonicalMIMEHeaderKey(name)]
		return key, ok
	}
}

func (c *config) responseHeader() runtime.HeaderMatcherFunc {
	allowed := responseHeaders(c.responseIn)
	return func(key string) (string, bool) {
		name, ok := allowed[key]
		return name, ok
	}
}

// trusted is metadata under a prefix that clients cannot set. The zero value
// reserves nothing.
type trusted struct {
	prefix string
	from   func(context.Context) iter.Seq2[string, string]
}

func (t trusted) reserved(key string, _ []string) bool {
	return strings.HasPrefix(strings.ToLower(key), t.prefix)
}

// wrap returns cc with the trusted metadata, and no other under the prefix,
// on every call. It works on what leaves the gateway, so that nothing the mux
// does with headers, and no option that was given to it, can go past it.
func (t trusted) wrap(cc grpc.ClientConnInterface) grpc.ClientConnInterface {
	if t.prefix == "" {
		return cc
	}
	return trustedConn{cc, t}
}

type trustedConn struct {
	grpc.ClientConnInterface
	trusted
}

func (c trustedConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.ClientConnInterface.Invoke(c.outgoing(ctx), method, args, reply, opts...)
}

func (c trustedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(c.outgoing(ctx), desc, method, opts...)
}

func (t trusted) outgoing(ctx context.Context) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy, with keys in lower case
	maps.DeleteFunc(md, t.reserved)
	if md == nil {
		md = metadata.MD{}
	}
	for key, value := range t.from(ctx) {
		if strings.HasPrefix(key, t.prefix) {
			md[key] = append(md[key], value)
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// incoming is ctx without what an outside gRPC client put under the prefix.
func (t trusted) incoming(ctx context.Context) context.Context {
	md, _ := metadata.FromIncomingContext(ctx) // a copy, with keys in lower case
	maps.DeleteFunc(md, t.reserved)
	return metadata.NewIncomingContext(ctx, md)
}
