package service

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// requestHeaders returns the metadata key for each request header, by
// canonical name, that is passed on. The gateway itself passes on
// Authorization.
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

// responseHeaders returns the response header for each header metadata key
// that is passed on.
func responseHeaders(more map[string]string) map[string]string {
	allowed := map[string]string{"retry-after": "Retry-After", "x-request-id": "X-Request-Id"}
	for name, key := range more {
		allowed[key] = name
	}
	return allowed
}

// addHeaders adds names to m, which maps headers in canonical form to metadata
// keys. The key of a header is its name in lower case. m may be nil.
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
	return func(name string) (string, bool) { // in canonical form
		key, ok := allowed[name]
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

// checkHeaders returns r without header values that are not printable ASCII,
// which gRPC metadata cannot carry. If the headers together are larger than
// maxRequestMetadata, it sends status 431 and returns nil.
func checkHeaders(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request) *http.Request {
	size := len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + 32
		}
	}
	if size > maxRequestMetadata {
		_, marshaler := runtime.MarshalerForRequest(mux, r)
		runtime.HTTPError(r.Context(), mux, marshaler, w, r, errRequestMetadata)
		return nil
	}
	return withValidHeaders(r)
}

// withValidHeaders returns r, or a copy without the header values that are
// not printable ASCII.
func withValidHeaders(r *http.Request) *http.Request {
	valid := printableASCII(r.Host)
	for _, values := range r.Header {
		valid = valid && !slices.ContainsFunc(values, func(v string) bool { return !printableASCII(v) })
	}
	if valid {
		return r
	}
	clean := r.WithContext(r.Context()) // a copy
	clean.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		for _, value := range values {
			if printableASCII(value) {
				clean.Header[name] = append(clean.Header[name], value)
			}
		}
	}
	if !printableASCII(r.Host) {
		clean.Host = ""
	}
	return clean
}
