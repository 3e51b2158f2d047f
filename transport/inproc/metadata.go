package inproc

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Keys that have a meaning of their own to gRPC.
const (
	authorityKey     = ":authority"
	contentTypeKey   = "content-type"
	userAgentKey     = "user-agent"
	acceptKey        = "grpc-accept-encoding"
	statusDetailsKey = "grpc-status-details-bin"
)

// reserved reports whether gRPC drops what applications send under key: the
// list of isReservedHeader in grpc-go's internal/transport/http_util.go.
func reserved(key string) bool {
	if key != "" && key[0] == ':' {
		return true
	}
	switch key {
	case contentTypeKey, userAgentKey, "te",
		"grpc-message-type", "grpc-encoding", "grpc-message", "grpc-status", "grpc-timeout":
		return true
	}
	return false
}

// validate applies the rules of internal/metadata.Validate in grpc-go: keys of
// [0-9a-z-_.], values in printable ASCII unless the key ends in -bin. Keys that
// start with a colon pass, because they are dropped later.
func validate(md metadata.MD) error {
	for key, values := range md {
		if err := validatePair(key, values); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	return nil
}

func validatePair(key string, values []string) error {
	if key == "" {
		return fmt.Errorf("there is an empty key in the header")
	}
	if key[0] == ':' {
		return nil
	}
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return fmt.Errorf("header key %q contains illegal characters not in [0-9a-z-_.]", key)
		}
	}
	if strings.HasSuffix(key, "-bin") {
		return nil
	}
	for _, value := range values {
		for i := range len(value) {
			if value[i] < 0x20 || value[i] > 0x7E {
				return fmt.Errorf("header key %q contains value with non-printable ASCII characters", key)
			}
		}
	}
	return nil
}

// requestMetadata returns what the handler of a call made with ctx sees. Most
// calls have no metadata of their own and share one map, which nobody can
// change: metadata.FromIncomingContext gives out copies.
func (c *Conn) requestMetadata(ctx context.Context, method string, o *callOptions) (metadata.MD, error) {
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok && o.contentSubtype == "" && o.authority == "" && o.credentials == nil {
		return c.metadata, nil
	}
	if err := validate(md); err != nil {
		return nil, err
	}
	credentials, err := c.credentialsMetadata(ctx, method, o)
	if err != nil {
		return nil, err
	}
	if len(md["connection"]) > 0 || len(credentials["connection"]) > 0 {
		return nil, status.Error(codes.Internal, `inproc: metadata key "connection" makes a request malformed`)
	}
	if len(md["host"]) > 1 {
		return nil, status.Errorf(codes.Internal, `inproc: metadata key "host" has %d values, at most one makes sense`, len(md["host"]))
	}
	if md == nil {
		md = make(metadata.MD, len(c.metadata)+len(credentials))
	}
	dropReserved(md)
	dropReserved(credentials)
	prepend(md, credentials)
	prepend(md, c.metadata)
	if o.authority != "" {
		md[authorityKey] = []string{o.authority}
	}
	if o.contentSubtype != "" {
		md[contentTypeKey] = []string{contentType(o.contentSubtype)}
	}
	return md, nil
}

// dropReserved removes what applications cannot send.
func dropReserved(md metadata.MD) {
	for key, values := range md {
		if reserved(key) || key == "host" || len(values) == 0 {
			delete(md, key)
		}
	}
}

// prepend adds to md what was sent before it. The values stay shared.
func prepend(md, before metadata.MD) {
	for key, values := range before {
		md[key] = append(values[:len(values):len(values)], md[key]...)
	}
}

func contentType(subtype string) string {
	if subtype == "" {
		return "application/grpc"
	}
	return "application/grpc+" + subtype
}

// responseMetadata returns the copy of md that a client may have: without what
// is reserved, and with the content type that came with it.
func responseMetadata(md metadata.MD, contentType string) metadata.MD {
	received := make(metadata.MD, len(md)+1)
	for key, values := range md {
		if !reserved(key) && len(values) > 0 {
			received[key] = append([]string(nil), values...)
		}
	}
	if contentType != "" {
		received[contentTypeKey] = []string{contentType}
	}
	return received
}
