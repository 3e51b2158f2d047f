package event

import (
	"net/url"
	"strings"
)

// setPath puts an event's path into u, without the leading segments that are
// the stage's and the base path's. Both have the form of basePath.
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
		u.Path = path // which URL.EscapedPath encodes where it cannot stand
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
		u.RawPath = path // a hint, as url.Parse leaves it
	}
	return nil
}

// stripSegments removes the segments of base from the front of path, once, if
// path has all of them, each one whole. The segments of a path that is not
// decoded are compared decoded: /%61pi is /api.
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
