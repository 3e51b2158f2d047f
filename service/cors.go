package service

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"

	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
)

// WithCORS allows cross-origin requests from pages of the given origins. An
// origin is "*" for any, or scheme://host[:port] as browsers send it: in
// lower case, without a path and without the default port of its scheme. One
// label of the host, except the last, may be "*", which stands for one or
// more labels. "https://*.example.com" matches every subdomain of example.com
// over https on the default port, but not example.com itself. Any other
// origin is an error of [New]. CORS is off without WithCORS.
//
// A preflight response allows the request headers that are passed to the
// services (see [WithRequestHeaders]), Content-Type, Grpc-Timeout,
// Last-Event-ID and the headers of conditional and range requests.
func WithCORS(origins ...string) Option {
	return func(c *config) { c.cors.origins = append(c.cors.origins, origins...) }
}

// WithCORSCredentials allows the pages of [WithCORS] to send cookies and
// other credentials that the browser stores for the server's origin.
// Authorization headers that a page sets itself do not need it. [New] fails
// if WithCORS is missing or has the origin "*".
func WithCORSCredentials() Option {
	return func(c *config) { c.cors.credentials = true }
}

// ParseOrigins splits a list of origins at commas and white space. The error
// names each origin that [WithCORS] refuses. For an empty list it returns
// nil.
func ParseOrigins(list string) ([]string, error) {
	origins := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(", \t\n\r", r) })
	if len(origins) == 0 {
		return nil, nil
	}
	if len(origins) > 1 && slices.Contains(origins, "*") {
		return nil, errors.New(`"*" is every origin: want it alone, or a list without it`)
	}
	if _, err := parseOrigins(origins); err != nil {
		return nil, err
	}
	return origins, nil
}

type corsConfig struct {
	origins     []string
	credentials bool
}

// corsRequestHeaders returns the request headers that a page may set beside
// those that become metadata. The gateway itself reads Grpc-Timeout.
func corsRequestHeaders() []string {
	return []string{
		"Authorization", "Content-Type", "Grpc-Timeout", "Last-Event-ID",
		"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range",
	}
}

func (c *config) withCORS(next http.Handler) (http.Handler, error) {
	if len(c.cors.origins) == 0 {
		if c.cors.credentials {
			return nil, errors.New("WithCORSCredentials has no effect without the origins of WithCORS")
		}
		return next, nil
	}
	origins, err := parseOrigins(c.cors.origins)
	if err != nil {
		return nil, err
	}
	o := cors.Options{
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders:   corsRequestHeaders(),
		AllowCredentials: c.cors.credentials,
		MaxAge:           600, // seconds
	}
	if slices.Contains(origins, anyOrigin) {
		if c.cors.credentials {
			return nil, errors.New(`CORS origin "*" cannot be combined with credentials: list the origins that may send them`)
		}
		o.AllowedOrigins = []string{"*"}
	} else {
		o.AllowOriginFunc = func(origin string) bool {
			origin = strings.ToLower(origin)
			return slices.ContainsFunc(origins, func(p originPattern) bool { return p.match(origin) })
		}
	}
	for name := range requestHeaders(c.requestIn) {
		o.AllowedHeaders = append(o.AllowedHeaders, name)
	}
	for _, name := range responseHeaders(c.responseIn) {
		o.ExposedHeaders = append(o.ExposedHeaders, name)
	}
	if c.rpc {
		o.AllowedHeaders = append(o.AllowedHeaders, rpc.RequestHeaders()...)
		o.ExposedHeaders = rpc.ResponseHeaders(o.ExposedHeaders...)
	}
	return cors.New(o).Handler(next), nil
}

// An originPattern matches origins that begin with before and end in after,
// in lower case. With a wildcard, one or more host labels must lie between
// them.
type originPattern struct {
	before, after string
	wildcard      bool
}

// anyOrigin is the pattern "*".
var anyOrigin = originPattern{wildcard: true}

func (p originPattern) match(origin string) bool {
	if !p.wildcard {
		return origin == p.before
	}
	labels, ok := strings.CutPrefix(origin, p.before)
	if !ok {
		return false
	}
	if labels, ok = strings.CutSuffix(labels, p.after); !ok {
		return false
	}
	for label := range strings.SplitSeq(labels, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// isLabel reports whether s is a label of a host in the form that browsers
// send.
func isLabel(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// parseOrigins returns the patterns of the origins. The error names each
// origin that no Origin header can match.
func parseOrigins(origins []string) ([]originPattern, error) {
	patterns := make([]originPattern, len(origins))
	var errs []error
	for i, origin := range origins {
		var err error
		if patterns[i], err = parseOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("CORS origin %q: %w", origin, err))
		}
	}
	return patterns, errors.Join(errs...)
}

func parseOrigin(origin string) (originPattern, error) {
	if origin == "*" {
		return anyOrigin, nil
	}
	origin = strings.ToLower(origin)
	// Replacing the wildcard with a label gives a URL that can be parsed.
	before, after, wildcard := strings.Cut(origin, "*")
	example := origin
	if wildcard {
		example = before + "x" + after
	}
	u, err := url.Parse(example)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.Scheme+"://"+u.Host != example {
		return originPattern{}, errors.New("want * or scheme://host[:port], with nothing after it")
	}
	if port := u.Port(); strings.HasSuffix(u.Host, ":") || port != "" && port == defaultPort(u.Scheme) {
		return originPattern{}, fmt.Errorf("want no default port of %s, since browsers omit it", u.Scheme)
	}
	if strings.HasPrefix(u.Host, "[") {
		if wildcard {
			return originPattern{}, errors.New("want no * in an IPv6 address")
		}
		return originPattern{before: origin}, nil
	}
	if wildcard && !isWholeLabel(before, after) {
		return originPattern{}, errors.New("want at most one *, as a whole label of the host that is not the last, such as https://*.example.com")
	}
	for label := range strings.SplitSeq(u.Hostname(), ".") {
		if !isLabel(label) {
			return originPattern{}, fmt.Errorf("want a host of letters, digits and dashes (in punycode), not %q", u.Hostname())
		}
	}
	if wildcard {
		return originPattern{before, after, true}, nil
	}
	return originPattern{before: origin}, nil
}

// isWholeLabel reports whether a wildcard between before and after is the
// only one, and is a label of the host other than the last.
func isWholeLabel(before, after string) bool {
	return strings.Contains(before, "://") && (strings.HasSuffix(before, "/") || strings.HasSuffix(before, ".")) &&
		strings.HasPrefix(after, ".") && !strings.Contains(after, "*")
}

// defaultPort returns the default port of http and https, and "" for other
// schemes.
func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}
