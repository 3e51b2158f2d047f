package conformance_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

func requestRows() []row {
	return slices.Concat(pathRows(), queryRows(), headerRows(), clientRows(), bodyRows())
}

func pathRows() []row {
	encodedSlash := "`%2F` has become `/` before the event is made"
	rows := []row{
		{name: "`%2F` in the path stays encoded", check: path("/a%2Fb"),
			destroyed: map[emulator.Source]string{emulator.HTTPAPI: encodedSlash, emulator.HTTPAPIv1: encodedSlash}},
		{name: "`%20` in the path is a space", check: path("/a%20b")},
		{name: "`%25` in the path is a percent sign, decoded once", check: path("/100%25/%2520")},
		{name: "`%3F` and `%23` in the path are no query and no fragment", brief: true, check: path("/a%3Fb%23c"),
			destroyed: map[emulator.Source]string{emulator.HTTPAPI: "AWS may cut the path at a decoded `?`; what arrives is served"}},
		{name: "an encoded newline in the path", check: path("/a%0Ab")},
		{name: "non-ASCII in the path", check: path("/caf%C3%A9/%E2%82%AC")},
		{name: "a trailing slash stays", check: path("/a/b/")},
		{name: "double slashes stay", check: path("//a//b//")},
		{name: "dots stay", check: path("/a/./b/../c")},
		{name: "the stage is not part of the path", on: apis(), check: func(s *subject) error {
			return samePath(s, setup{serve: "probe", door: []emulator.Option{emulator.WithStage("dev")}}, "/dev/v1/ping", "/v1/ping")
		}},
		{name: "a first segment named like the stage is the API's own", on: apis(), check: func(s *subject) error {
			return samePath(s, setup{serve: "probe", door: []emulator.Option{emulator.WithStage("dev")}}, "/dev/dev/x", "/dev/x")
		}},
	}
	for _, base := range []struct{ name, target, want string }{
		{"a base path is stripped", "/foo/v1/ping", "/v1/ping"},
		{"the base path alone is /", "/foo", "/"},
		{"a base path is stripped once", "/foo/foo/x", "/foo/x"},
		{"a base path is stripped in whole segments: `/foo` leaves `/foobar` alone", "/foobar/x", "/foobar/x"},
		{"a path without the base path is served too", "/v1/foo", "/v1/foo"},
	} {
		rows = append(rows, row{name: base.name, brief: strings.Contains(base.name, "segments"), check: func(s *subject) error {
			return samePath(s, setup{serve: "probe", env: []string{"BASE_PATH=/foo"}}, base.target, base.want)
		}})
	}
	return append(rows, row{name: "a custom domain's base path mapping is stripped", on: apis(), check: func(s *subject) error {
		return samePath(s, setup{serve: "probe", env: []string{"BASE_PATH=/foo"}, door: []emulator.Option{emulator.WithBasePath("foo")}}, "/foo/v1/ping", "/v1/ping")
	}})
}

func apis() []emulator.Source {
	return []emulator.Source{emulator.RESTAPI, emulator.HTTPAPI, emulator.HTTPAPIv1}
}

// path checks that the handler sees a path as net/http would show it.
func path(target string) func(*subject) error {
	return func(s *subject) error { return samePath(s, setup{serve: "probe"}, target, target) }
}

// samePath checks that target arrives as want, as far as the source lets it.
func samePath(s *subject, x setup, target, want string) error {
	seen, err := s.seeAt(x, get(target+"?q=1"))
	if err != nil {
		return err
	}
	decoded, err := url.PathUnescape(want)
	if err != nil {
		return err
	}
	if s.decodes() {
		want = (&url.URL{Path: decoded}).EscapedPath()
	}
	switch {
	case seen.EscapedPath != want:
		return fmt.Errorf("arrives as `%s`", seen.EscapedPath)
	case seen.Path != decoded:
		return fmt.Errorf("arrives decoded as `%s`", seen.Path)
	case seen.RequestURI != want+"?q=1":
		return fmt.Errorf("RequestURI is `%s`", seen.RequestURI)
	}
	return nil
}

func queryRows() []row {
	lastOnly := map[emulator.Source]string{emulator.ALB: "of repeated keys only the last value is in the event"}
	return []row{
		{name: "`+` in the query is a space, `%2B` a plus", brief: true, check: query("a=b+c%2Bd&e=%2B", url.Values{"a": {"b c+d"}, "e": {"+"}})},
		{name: "`%25`, `%26` and `%3D` in the query, decoded once", check: query("a=%2525&b=%26%3D&%26=x", url.Values{"a": {"%25"}, "b": {"&="}, "&": {"x"}})},
		{name: "non-ASCII in the query", check: query("%C3%A9=%E2%82%AC%F0%9F%98%80", url.Values{"é": {"€😀"}})},
		{name: "repeated keys, in order", destroyed: lastOnly, check: query("a=3&b=0&a=1&a=2", url.Values{"a": {"3", "1", "2"}, "b": {"0"}})},
		{name: "an empty value", check: query("a=&b=1", url.Values{"a": {""}, "b": {"1"}})},
		{name: "a key without `=`", check: query("flag&b=1", url.Values{"flag": {""}, "b": {"1"}})},
		{name: "no query", check: query("", url.Values{})},
		{name: "a comma in a value", check: query("a=1,2&a=3", url.Values{"a": {"1,2", "3"}}), destroyed: lastOnly},
		{name: "the raw query, byte for byte", on: []emulator.Source{emulator.HTTPAPI, emulator.FunctionURL}, check: func(s *subject) error {
			const raw = "b=%7e&a&&c=1%2c2&b=+"
			seen, err := s.see(get("/?" + raw))
			if err == nil && seen.RawQuery != raw {
				err = fmt.Errorf("arrives as `%s`", seen.RawQuery)
			}
			return err
		}},
	}
}

func query(raw string, want url.Values) func(*subject) error {
	return func(s *subject) error {
		target := "/x"
		if raw != "" {
			target += "?" + raw
		}
		seen, err := s.see(get(target))
		if err != nil {
			return err
		}
		got, err := url.ParseQuery(seen.RawQuery)
		if err != nil {
			return errors.New("arrives as an invalid query")
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			values := want[key]
			if s.place.source == emulator.ALB {
				values = values[len(values)-1:]
			}
			if !slices.Equal(got[key], values) {
				return fmt.Errorf("`%s` %w", key, arrived(got[key]))
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%d keys arrive, not %d", len(got), len(want))
		}
		return nil
	}
}

func headerRows() []row {
	joined := "the values of a repeated header are one, joined with `,`"
	rows := []row{
		{name: "repeated headers", check: repeatedHeader, destroyed: map[emulator.Source]string{
			emulator.ALB:     "of a repeated header only the last value is in the event",
			emulator.HTTPAPI: joined, emulator.FunctionURL: joined,
		}},
		{name: "cookies arrive once", brief: true, check: func(s *subject) error {
			seen, err := s.see(get("/", "Cookie: a=1; b=2; c=x,y"))
			if err == nil && strings.Join(seen.Header["Cookie"], "; ") != "a=1; b=2; c=x,y" {
				err = arrived(seen.Header["Cookie"])
			}
			return err
		}},
		{name: "no hop-by-hop headers arrive", check: func(s *subject) error {
			seen, err := s.see(request{method: "POST", header: []string{"TE: trailers", "Keep-Alive: timeout=5", "Upgrade: h2c", "Proxy-Connection: close", "Connection: x-a"}, body: "x"})
			for _, name := range []string{"Te", "Keep-Alive", "Upgrade", "Proxy-Connection", "Connection", "Transfer-Encoding", "Trailer"} {
				if err == nil && seen.Header[name] != nil {
					err = fmt.Errorf("`%s` arrives", name)
				}
			}
			return err
		}},
	}
	for _, h := range []struct{ name, line string }{
		{"commas in a header value stay", "X-A: 1,2, 3 ,,4"},
		{"quoted strings in a header value stay", `If-None-Match: "a, b", W/"c;d"`},
		{"JSON in a header value stays", `X-A: {"a":[1, 2],"b":"c,d\""}`},
		{"dates in header values stay", "If-Unmodified-Since: Tue, 15 Nov 1994 12:45:26 GMT"},
		{"another header that holds a date stays", "X-Date: Tue, 15 Nov 1994 12:45:26 GMT"},
	} {
		rows = append(rows, row{name: h.name, brief: strings.HasPrefix(h.name, "commas"), check: func(s *subject) error {
			name, value, _ := strings.Cut(h.line, ": ")
			seen, err := s.see(get("/", h.line))
			if err == nil && !slices.Equal(seen.Header[name], []string{value}) {
				err = arrived(seen.Header[name])
			}
			return err
		}})
	}
	return rows
}

func repeatedHeader(s *subject) error {
	seen, err := s.see(get("/", "X-A: 1", "X-A: 2"))
	want := []string{"1", "2"}
	switch {
	case s.place.source == emulator.ALB:
		want = []string{"2"}
	case s.isPayload2():
		want = []string{"1,2"}
	}
	if err == nil && !slices.Equal(seen.Header["X-A"], want) {
		err = arrived(seen.Header["X-A"])
	}
	return err
}

func clientRows() []row {
	return []row{
		{name: "Host is what the client sent", check: func(s *subject) error {
			seen, err := s.see(get("/"))
			if err == nil && seen.Host != "api.example.com" {
				err = errors.New("is empty")
				if seen.Host != "" {
					err = errors.New("is the API's domain name")
				}
			}
			if err == nil && seen.Header["Host"] != nil {
				err = errors.New("is among the headers too")
			}
			return err
		}},
		{name: "a health check without a Host", on: []emulator.Source{emulator.ALB, emulator.ALBMulti}, check: func(s *subject) error {
			seen, err := s.see(request{noHost: true, header: []string{"User-Agent: ELB-HealthChecker/2.0"}})
			if err == nil && seen.Host != "" {
				err = fmt.Errorf("Host is `%s`", seen.Host)
			}
			return err
		}},
		{name: "the scheme shows in `Request.TLS`", check: func(s *subject) error {
			seen, err := s.see(get("/", "X-Forwarded-Proto: https"))
			if err == nil && seen.TLS == s.isALB() { // this load balancer listens for HTTP
				err = fmt.Errorf("TLS is %v", seen.TLS)
			}
			return err
		}},
		{name: "RemoteAddr is the client's address, with a port", brief: true, check: func(s *subject) error {
			seen, err := s.see(get("/"))
			if err != nil {
				return err
			}
			if ip, _, err := net.SplitHostPort(seen.RemoteAddr); err != nil || ip != "127.0.0.1" {
				return address(seen.RemoteAddr)
			}
			return nil
		}},
		{name: "a client cannot forge its address with X-Forwarded-For", brief: true, check: func(s *subject) error {
			seen, err := s.see(get("/", "X-Forwarded-For: 198.51.100.66"))
			if err == nil && !strings.HasPrefix(seen.RemoteAddr, "127.0.0.1") {
				err = address(seen.RemoteAddr)
			}
			return err
		}},
		{name: "any method", check: func(s *subject) error {
			for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"} {
				seen, err := s.see(request{method: method})
				if err == nil && seen.Method != method {
					err = fmt.Errorf("%s arrives as %s", method, seen.Method)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

func address(wrong string) error {
	if wrong == "" {
		return errors.New("RemoteAddr is empty")
	}
	return fmt.Errorf("RemoteAddr is `%s`", wrong)
}

func bodyRows() []row {
	body := func(contentType, body string) func(*subject) error {
		return func(s *subject) error {
			r := request{method: "POST", body: body}
			if contentType != "" {
				r.header = []string{"Content-Type: " + contentType}
			}
			seen, err := s.see(r)
			if err == nil && string(seen.Body) != body {
				err = fmt.Errorf("arrives as %q", seen.Body)
			}
			if err == nil && seen.ContentLength != int64(len(body)) {
				err = fmt.Errorf("ContentLength is %d for %d bytes", seen.ContentLength, len(body))
			}
			return err
		}
	}
	return []row{
		{name: "a binary body arrives byte for byte", check: body("application/grpc-web", "\x00\x01\xff\xfe\x80binary\r\n")},
		{name: "a text body, with any character", check: body("application/json", "{\"a\":\"\u00fc\u2028\U0001f600\\u0000\"}\n")},
		{name: "a body without a type", check: body("", "a=1")},
		{name: "an empty body", check: body("application/json", "")},
		{name: "a HEAD arrives as one", check: func(s *subject) error {
			got, err := s.answer(request{method: "HEAD"})
			if err == nil && (got.status != http.StatusOK || got.body != "") {
				err = got.failed()
			}
			return err
		}},
		{name: "a handler sees the request that net/http's server shows it", check: sameRequest},
	}
}

// answer returns what the handler of package probe answers.
func (s *subject) answer(r request) (reply, error) {
	t, err := s.open(setup{serve: "probe"})
	if err != nil {
		return reply{}, err
	}
	return t.send(r), nil
}

// sameRequest compares what a handler sees with what it sees under net/http's
// own server, apart from what front doors add and what they destroy.
func sameRequest(s *subject) error {
	for _, r := range []request{
		get("/dir/a?b=c&d=e", "User-Agent: test", "Accept: */*", "X-A: 1", "Cookie: a=1"),
		{method: "POST", target: "/caf%C3%A9%20x/?b=1", header: []string{"Content-Type: text/plain", "Authorization: Bearer x"}, body: "b=3&d=4"},
		{method: "DELETE", target: "//a/../b/"},
		{method: "PUT", target: "/x", header: []string{"Content-Type: application/octet-stream"}, body: "\x00\xff"},
	} {
		want, err := (&target{address: s.lab.native.Listener.Addr().String()}).see(r)
		if err != nil {
			return err
		}
		got, err := s.see(r)
		if err != nil {
			return err
		}
		got.Info, got.FromContext, got.TLS, got.RemoteAddr = want.Info, want.FromContext, want.TLS, want.RemoteAddr
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id"} {
			delete(got.Header, name) // added by the front door
		}
		if s.place.source == emulator.RESTAPI {
			delete(want.Header, "Content-Length") // which a REST API does not pass on
		}
		if diff := cmp.Diff(want, got); diff != "" {
			s.logf("%s %s: (-net/http +this)\n%s", r.method, r.target, diff)
			return errors.New("the request differs")
		}
	}
	return nil
}
