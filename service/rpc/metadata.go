package rpc

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strings"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/metadata"
)

const binarySuffix = "-bin"

// requestMetadata returns the metadata that the services see for a request's
// header.
func (c *Config) requestMetadata(r *http.Request) (metadata.MD, error) {
	match := c.RequestHeader
	if match == nil {
		match = anyHeader
	}
	md := metadata.MD{}
	for name, values := range r.Header {
		key, ok := match(name)
		if key = strings.ToLower(key); !ok || !validKey(key) {
			continue
		}
		for _, value := range values {
			if !strings.HasSuffix(key, binarySuffix) {
				if printable(value) { // gRPC would fail the call because of a header that a proxy may have added
					md[key] = append(md[key], value)
				}
				continue
			}
			for encoded := range strings.SplitSeq(value, ",") {
				data, err := connect.DecodeBinaryHeader(strings.TrimSpace(encoded))
				if err != nil {
					return nil, connect.Errorf(connect.CodeInvalidArgument, "header %s: a value is not base64", name)
				}
				md[key] = append(md[key], string(data))
			}
		}
	}
	if c.Metadata != nil {
		maps.Copy(md, c.Metadata(r))
	}
	return md, nil
}

// anyHeader passes every header except those of HTTP and of the protocols.
func anyHeader(name string) (string, bool) {
	switch name {
	case "Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Host", "Keep-Alive",
		"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "X-Grpc-Web", "X-User-Agent":
		return "", false
	}
	if strings.HasPrefix(name, "Connect-") || strings.HasPrefix(name, "Grpc-") {
		return "", false
	}
	return name, true
}

// copyMetadata adds the part of md that clients see to header.
func (c *Config) copyMetadata(header *connect.Header, md metadata.MD) {
	match := c.ResponseHeader
	if match == nil {
		match = anyHeader
	}
	for key, values := range md {
		name := key
		if c.ResponseHeader == nil {
			name = http.CanonicalHeaderKey(key)
		}
		name, ok := match(name)
		if !ok {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, binarySuffix) {
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
			header.Add(name, value)
		}
	}
}

// validKey reports whether gRPC accepts key for metadata ("Custom-Metadata" in
// PROTOCOL-HTTP2.md of gRPC).
func validKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return key != ""
}

func printable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}
