package inproc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// These keys have a meaning in gRPC.
const (
	authorityKey     = ":authority"
	contentTypeKey   = "content-type"
	userAgentKey     = "user-agent"
	acceptKey        = "grpc-accept-encoding"
	statusDetailsKey = "grpc-status-details-bin"
)

// reserved reports whether gRPC drops a key that applications set, as
// isReservedHeader in grpc-go's internal/transport/http_util.go does.
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

// validate applies the rules of Validate in grpc-go's internal/metadata. Keys
// consist of [0-9a-z-_.], and values of printable ASCII unless the key ends
// in -bin. Keys that start with a colon are valid here; they are dropped later.
func validate(md metadata.MD) error {
	for key, values := range md {
		if err := validatePair(key, values); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	return nil
}

// keyBytes holds the bytes that are allowed in a key.
var keyBytes = func() (allowed [256]bool) {
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyz-_.") {
		allowed[c] = true
	}
	return allowed
}()

func validatePair(key string, values []string) error {
	if key == "" {
		return fmt.Errorf("there is an empty key in the header")
	}
	if key[0] == ':' {
		return nil
	}
	for i := range len(key) {
		if !keyBytes[key[i]] {
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

// requestMetadata returns the metadata that a call with ctx adds to the
// connection's, nil for most calls. handlerMetadata adds the rest.
func (c *Conn) requestMetadata(ctx context.Context, method string, o *callOptions) (metadata.MD, error) {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if err := admit(md); err != nil {
		return nil, err
	}
	if !o.addMetadata() {
		return md, nil
	}
	credentials, err := c.credentialsMetadata(ctx, method, o)
	if err != nil {
		return nil, err
	}
	if err := admit(credentials); err != nil {
		return nil, err
	}
	if md == nil {
		md = make(metadata.MD, len(c.metadata)+len(credentials))
	}
	for key, values := range credentials {
		md[key] = join(values, md[key])
	}
	if o.authority != "" {
		md[authorityKey] = []string{o.authority}
	}
	if o.contentSubtype != "" {
		md[contentTypeKey] = []string{contentType(o.contentSubtype)}
	}
	return md, nil
}

// handlerMetadata returns the metadata that the handler of a call with md
// sees. It shares the values of the connection's keys with other calls. Handlers
// cannot change these, since metadata.FromIncomingContext returns copies.
func (c *Conn) handlerMetadata(md metadata.MD) metadata.MD {
	if md == nil {
		return c.metadata
	}
	for key, values := range c.metadata {
		// Only a call option can have set a reserved key.
		if own := md[key]; own == nil || !reserved(key) {
			md[key] = join(values, own)
		}
	}
	return md
}

// admit checks outgoing metadata and removes the keys that applications
// cannot send.
func admit(md metadata.MD) error {
	for key, values := range md {
		if err := validatePair(key, values); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		switch {
		case len(values) == 0, reserved(key):
			delete(md, key)
		case key == "connection":
			return status.Error(codes.Internal, `inproc: metadata key "connection" makes a request malformed`)
		case key == "host" && len(values) > 1:
			return status.Errorf(codes.Internal, `inproc: metadata key "host" has %d values, at most one makes sense`, len(values))
		case key == "host":
			delete(md, key)
		}
	}
	return nil
}

// clone returns a copy of md that shares no slice with it. It makes one slice
// for all values, where md.Copy makes one for each key.
func clone(md metadata.MD) metadata.MD {
	count := 0
	for _, values := range md {
		count += len(values)
	}
	all := make([]string, 0, count)
	to := make(metadata.MD, len(md))
	for key, values := range md {
		begin := len(all)
		all = append(all, values...)
		to[key] = all[begin:len(all):len(all)]
	}
	return to
}

func join(first, then []string) []string { return append(slices.Clip(first), then...) }

func contentType(subtype string) string {
	if subtype == "" {
		return "application/grpc"
	}
	return "application/grpc+" + subtype
}

// responseMetadata returns the client's copy of md: without reserved keys and
// with the content type of the response.
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
