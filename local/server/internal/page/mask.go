package page

import (
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// masked replaces a secret value.
const masked = "(masked)"

// secretWords are parts of the names of headers, metadata and query parameters with
// secret values.
var secretWords = [...]string{
	"auth", "cookie", "credential", "csrf", "jwt", "key", "oidc", "pass", "pwd", "secret", "session", "sig", "token", "xsrf",
}

// secret reports whether the value of name is secret.
func secret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if strings.HasPrefix(strings.TrimPrefix(name, "grpcgateway-"), service.ReservedPrefix) {
		return true
	}
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return !notSecret[name]
		}
	}
	return false
}

// notSecret are the names that contain a secret word but have no secret value.
var notSecret = map[string]bool{":authority": true, "idempotency-key": true, "sec-websocket-key": true}

func maskHeader(h map[string][]string) http.Header {
	shown := make(http.Header, len(h))
	for name, values := range h {
		if secret(name) {
			shown[name] = []string{masked}
			continue
		}
		for _, value := range values {
			shown[name] = append(shown[name], maskValue(value))
		}
	}
	return shown
}

// credential matches what is secret under any name: a JSON Web Token, or the value of
// an Authorization header.
var credential = regexp.MustCompile(`eyJ[\w=-]+\.[\w=-]+\.|(?i)^(basic|bearer|digest|dpop|negotiate|aws4-hmac-sha256) `)

// maskValue masks a header's value. If the value is a URL, such as that of Referer
// or Location, it masks the query and the fragment.
func maskValue(value string) string {
	if credential.MatchString(value) {
		return masked
	}
	return maskTarget(value)
}

// maskTarget masks secret values in the query and the fragment of a request target
// and keeps the rest unchanged.
func maskTarget(target string) string {
	begin := strings.IndexAny(target, "?#") + 1
	if begin == 0 {
		return target
	}
	var out strings.Builder
	out.WriteString(target[:begin])
	for pair := range splitAfterAny(target[begin:], "&#") {
		field := strings.TrimRight(pair, "&#")
		name, value, found := strings.Cut(field, "=")
		decoded, err := url.QueryUnescape(name)
		shown := field
		switch {
		case credential.MatchString(name):
			shown = "masked"
		case found && (err != nil || secret(decoded) || credential.MatchString(value)):
			shown = name + "=masked"
		}
		out.WriteString(shown + pair[len(field):])
	}
	return out.String()
}

// splitAfterAny yields the parts of s, each with the separator that ends it.
func splitAfterAny(s, separators string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s != "" {
			end := strings.IndexAny(s, separators) + 1
			if end == 0 {
				end = len(s)
			}
			if !yield(s[:end]) {
				return
			}
			s = s[end:]
		}
	}
}
