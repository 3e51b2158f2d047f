package conformance_test

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// encodedSlash is what some sources do to a path.
const encodedSlash = "`%2F` has become `/` before the event is made"

func pathRows() []row {
	rows := []row{
		{name: "`%2F` in the path stays encoded", check: path("/a%2Fb"),
			destroyed: map[frontdoor.Source]string{frontdoor.HTTPAPI: encodedSlash, frontdoor.HTTPAPIv1: encodedSlash}},
		{name: "`%20` in the path is a space", check: path("/a%20b")},
		{name: "`%25` in the path is a percent sign, decoded once", check: path("/100%25/%2520")},
		{name: "`%3F` and `%23` in the path do not begin a query or fragment", brief: true, check: path("/a%3Fb%23c"),
			destroyed: map[frontdoor.Source]string{frontdoor.HTTPAPI: "AWS may cut the path at a decoded `?`; what arrives is served"}},
		{name: "an encoded newline in the path is kept", check: path("/a%0Ab")},
		{name: "non-ASCII characters in the path are kept", check: path("/caf%C3%A9/%E2%82%AC")},
		{name: "a trailing slash is kept", check: path("/a/b/")},
		{name: "double slashes are kept", check: path("//a//b//")},
		{name: "dot segments in the path are kept", check: path("/a/./b/../c")},
		{name: "the stage is not part of the path", on: apis(), check: func(s *subject) error {
			return samePath(s, setup{serve: "probe", door: []frontdoor.Option{frontdoor.WithStage("dev")}}, "/dev/v1/ping", "/v1/ping")
		}},
		{name: "a first path segment that has the stage's name is kept", on: apis(), check: func(s *subject) error {
			return samePath(s, setup{serve: "probe", door: []frontdoor.Option{frontdoor.WithStage("dev")}}, "/dev/dev/x", "/dev/x")
		}},
	}
	for _, base := range []struct{ name, target, want string }{
		{"a base path is removed", "/foo/v1/ping", "/v1/ping"},
		{"the base path alone becomes `/`", "/foo", "/"},
		{"a base path is removed only once", "/foo/foo/x", "/foo/x"},
		{"a base path is removed as whole segments: `/foo` does not change `/foobar`", "/foobar/x", "/foobar/x"},
		{"a path without the base path is also served", "/v1/foo", "/v1/foo"},
	} {
		rows = append(rows, row{name: base.name, brief: strings.Contains(base.name, "segments"), check: func(s *subject) error {
			return samePath(s, setup{serve: "probe", env: []string{"BASE_PATH=/foo"}}, base.target, base.want)
		}})
	}
	return append(rows, row{name: "the base path of a custom domain's mapping is removed", on: apis(), check: func(s *subject) error {
		return samePath(s, setup{serve: "probe", env: []string{"BASE_PATH=/foo"}, door: []frontdoor.Option{frontdoor.WithBasePath("foo")}}, "/foo/v1/ping", "/v1/ping")
	}})
}

func apis() []frontdoor.Source {
	return []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPI, frontdoor.HTTPAPIv1}
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
	lastOnly := map[frontdoor.Source]string{frontdoor.ALB: "only the last value of a repeated key is in the event"}
	return []row{
		{name: "`+` in the query is a space, and `%2B` is a plus", brief: true, check: query("a=b+c%2Bd&e=%2B", url.Values{"a": {"b c+d"}, "e": {"+"}})},
		{name: "`%25`, `%26` and `%3D` in the query are decoded once", check: query("a=%2525&b=%26%3D&%26=x", url.Values{"a": {"%25"}, "b": {"&="}, "&": {"x"}})},
		{name: "non-ASCII characters in the query are kept", check: query("%C3%A9=%E2%82%AC%F0%9F%98%80", url.Values{"é": {"€😀"}})},
		{name: "repeated query keys arrive in order", destroyed: lastOnly, check: query("a=3&b=0&a=1&a=2", url.Values{"a": {"3", "1", "2"}, "b": {"0"}})},
		{name: "an empty query value arrives", check: query("a=&b=1", url.Values{"a": {""}, "b": {"1"}})},
		{name: "a query key without `=` arrives", check: query("flag&b=1", url.Values{"flag": {""}, "b": {"1"}})},
		{name: "a request without a query has none", check: query("", url.Values{})},
		{name: "a comma in a query value is kept", check: query("a=1,2&a=3", url.Values{"a": {"1,2", "3"}}), destroyed: lastOnly},
		{name: "the raw query arrives byte for byte", on: []frontdoor.Source{frontdoor.HTTPAPI, frontdoor.FunctionURL, frontdoor.VPCLattice, frontdoor.VPCLatticeV1}, check: func(s *subject) error {
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
			if s.place.source == frontdoor.ALB {
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
