package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// masked replaces a secret value.
const masked = "(masked)"

// secretWords are parts of the names of headers, metadata and query parameters with
// secret values.
var secretWords = [...]string{
	"auth", "cookie", "credential", "jwt", "key", "password", "passwd", "secret", "session", "signature", "token",
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
			values = []string{masked}
		}
		shown[name] = values
	}
	return shown
}

// maskTarget masks secret values in the query of a request target and keeps the
// rest unchanged.
func maskTarget(target string) string {
	path, query, found := strings.Cut(target, "?")
	if !found {
		return target
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(name)
		if err != nil || secret(decoded) {
			pairs[i] = name + "=masked"
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}
