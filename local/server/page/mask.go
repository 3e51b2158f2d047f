package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// masked stands for a value that is not shown.
const masked = "(masked)"

// secretWords are parts of the names of headers, metadata and query parameters
// whose values are not shown.
var secretWords = [...]string{
	"auth", "cookie", "credential", "jwt", "key", "password", "passwd", "secret", "session", "signature", "token",
}

// secret reports whether the value of that name is not shown.
func secret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if strings.HasPrefix(strings.TrimPrefix(name, "grpcgateway-"), service.ReservedPrefix) {
		return true
	}
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return !public[name]
		}
	}
	return false
}

// public are names that only look secret.
var public = map[string]bool{":authority": true, "idempotency-key": true, "sec-websocket-key": true}

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

// maskTarget masks the query of a request's target, and leaves the rest as it
// was sent.
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
