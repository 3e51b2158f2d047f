package event

import (
	"net/url"
	"strings"
)

// setPath sets the path of u from an event. It removes the stage and the base
// path, which are both normalized by normalBasePath.
func setPath(u *url.URL, w *wireRequest, base string) error {
	path := w.path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if w.stage != "" {
		path = stripSegments(path, "/"+w.stage, w.decoded)
	}
	path = stripSegments(path, base, w.decoded)
	if w.decoded {
		u.Path = path // URL.EscapedPath encodes what a path cannot contain
		return nil
	}
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f {
			return badRequest("the path has a control character in it")
		}
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return badRequest("the path has an invalid escape sequence in it")
	}
	u.Path = decoded
	if u.EscapedPath() != path {
		u.RawPath = path // the hint that url.Parse sets
	}
	return nil
}

// stripSegments removes base from the front of path once, if path begins with
// all of its segments. It compares segments after decoding: /%61pi is /api.
func stripSegments(path, base string, decoded bool) string {
	rest := path
	for base != "" {
		var want, have string
		want, base = cutSegment(base)
		if rest == "" {
			return path
		}
		have, rest = cutSegment(rest)
		if !decoded && strings.Contains(have, "%") {
			if u, err := url.PathUnescape(have); err == nil {
				have = u
			}
		}
		if have != want {
			return path
		}
	}
	if rest == "" {
		return "/"
	}
	return rest
}

// cutSegment splits "/a/b" into "a" and "/b".
func cutSegment(path string) (segment, rest string) {
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
