package service

import (
	"maps"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// keepEncodedSlashes keeps %2F in path variables of several segments, such as
// {name=shelves/*}. google/api/http.proto specifies that for all of them, but
// the mux does it only for {name=**}. In variables of one segment %2F is
// decoded to a slash.
func keepEncodedSlashes(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, pathParams map[string]string) {
		if raw := r.URL.RawPath; strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f") {
			if pattern, ok := runtime.HTTPPattern(r.Context()); ok {
				pathParams = withEncodedSlashes(pattern, raw, pathParams)
			}
		}
		next(w, r, pathParams)
	}
}

func withEncodedSlashes(pattern runtime.Pattern, raw string, params map[string]string) map[string]string {
	decoded, err := matchPath(pattern, raw)
	if err != nil || !maps.Equal(decoded, params) {
		return params // WithMuxOptions chose another UnescapingMode
	}
	kept, err := matchPath(pattern, strings.NewReplacer("%2F", "%252F", "%2f", "%252f").Replace(raw))
	if err != nil {
		return params
	}
	template := pattern.String()
	for name := range kept {
		if strings.Contains(template, "{"+name+"=*}") {
			kept[name] = decoded[name]
		}
	}
	return kept
}

// matchPath returns the path variables that the mux finds in raw.
func matchPath(pattern runtime.Pattern, raw string) (map[string]string, error) {
	segments := strings.Split(strings.TrimPrefix(raw, "/"), "/")
	last := &segments[len(segments)-1]
	verb := pattern.Verb()
	if verb != "" {
		*last = strings.TrimSuffix(*last, ":"+verb)
	}
	return pattern.MatchAndEscape(segments, verb, runtime.UnescapingModeAllExceptSlash)
}
