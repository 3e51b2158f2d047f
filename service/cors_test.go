package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// allowed reports whether h allows calls from pages of origin.
func allowed(t testing.TB, h http.Handler, origin string) bool {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "OPTIONS", "/v1/ping", nil)
	r.Header["Origin"] = []string{origin}
	r.Header.Set("Access-Control-Request-Method", "GET")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := w.Header().Get("Access-Control-Allow-Origin")
	if got != "" && got != origin && got != "*" {
		t.Errorf("origin %q: the answer allows %q", origin, got)
	}
	return got != ""
}

func TestCORS_WildcardMatchesWholeLabels(t *testing.T) {
	for origin, test := range map[string]struct{ matches, others []string }{
		"https://*.example.com": {
			matches: []string{"https://a.example.com", "https://a.b.example.com", "https://a-1_x.example.com", "HTTPS://A.EXAMPLE.COM"},
			others: []string{
				"https://example.com", "https://.example.com", "https://a..example.com", "https://.a.example.com", "https://a..b.example.com",
				"https://evil.com/.example.com", "https://evil.com?.example.com", "https://evil.com#.example.com", `https://evil.com\.example.com`,
				"https://evil.com:443.example.com", "https://user@a.example.com", "https://evil.com:x@a.example.com", "https://evil.com%2f.example.com",
				"http://a.example.com", "https://a.example.com:8443", "https://a.example.com.evil.com", "https://aexample.com", "https://a.example.com/",
				"https://a b.example.com", "https://a\n.example.com", "https://é.example.com", "https://*.example.com", "null", "",
			},
		},
		"https://api.*.example.com:8443": {
			matches: []string{"https://api.x.example.com:8443", "https://api.x.y.example.com:8443"},
			others:  []string{"https://api.x.example.com", "https://api.example.com:8443", "https://x.api.example.com:8443", "https://api..example.com:8443"},
		},
		"http://localhost:3000": {
			matches: []string{"http://localhost:3000"},
			others:  []string{"http://localhost", "http://localhost:30000", "http://localhost:3000/", "https://localhost:3000"},
		},
		"http://[::1]:3000":       {matches: []string{"http://[::1]:3000"}, others: []string{"http://[::2]:3000"}},
		"chrome-extension://abcd": {matches: []string{"chrome-extension://abcd"}, others: []string{"chrome-extension://abce"}},
		"*":                       {matches: []string{"https://a.example.com", "http://localhost:3000", "null"}},
	} {
		s := start(t, transport.Bufconn(), nil, append(bindAll(fake{}), service.WithCORS("https://other.example", origin))...)
		for _, o := range test.matches {
			if !allowed(t, s, o) {
				t.Errorf("%s does not allow %q", origin, o)
			}
		}
		for _, o := range test.others {
			if allowed(t, s, o) {
				t.Errorf("%s allows %q", origin, o)
			}
		}
	}
}

// TestCORS_WildcardProperty checks that every allowed origin, made of random
// parts, has a host that consists of labels and the wildcard's suffix.
func TestCORS_WildcardProperty(t *testing.T) {
	s := start(t, transport.Bufconn(), nil, append(bindAll(fake{}), service.WithCORS("https://*.example.com"))...)
	parts := []string{"https://", "http://", "a", "b1", "-", "_", ".", "/", ":", "@", "?", "#", "%2f", `\`, "é", "*", "evil.com", ".example.com", "example.com", ":443", "\t", " "}
	random := rand.New(rand.NewPCG(1, 2))
	hits := 0
	for range 20_000 {
		var origin strings.Builder
		if random.IntN(4) > 0 {
			origin.WriteString("https://")
		}
		for range random.IntN(6) {
			origin.WriteString(parts[random.IntN(len(parts))])
		}
		if random.IntN(4) > 0 {
			origin.WriteString(".example.com")
		}
		o := origin.String()
		if !allowed(t, s, o) {
			continue
		}
		hits++
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" || u.Host != u.Hostname() || "https://"+u.Host != o || !strings.HasSuffix(u.Host, ".example.com") {
			t.Fatalf("%q is allowed", o)
		}
		if labels := strings.Split(u.Host, "."); slices.Contains(labels, "") || len(labels) < 3 {
			t.Fatalf("%q is allowed", o)
		}
	}
	if hits < 500 {
		t.Errorf("only %d origins were allowed: the test does not test much", hits)
	}
}

func TestCORS_RefusesInvalidOrigins(t *testing.T) {
	for origin, want := range map[string]string{
		"example.com":              "want * or scheme://host[:port]",
		"https://":                 "want * or scheme://host[:port]",
		"https://a.example.com/":   "with nothing after it",
		"https://u@a.example.com":  "want",
		"https://a.example.com:":   "default port",
		"https://a.example:443":    "default port of https",
		"http://a.example:80":      "default port of http",
		"https://exämple.com":      "punycode",
		"https://*.*.example.com":  "at most one *",
		"https://app*.example.com": "whole label",
		"https://*app.example.com": "whole label",
		"https://example.*":        "not the last",
		"https://*":                "not the last",
		"*://example.com":          "want",
		"http://localhost:*":       "want",
		"https://[*::1]":           "want",
		"null":                     "want * or scheme://host[:port]",
		"":                         "want * or scheme://host[:port]",
	} {
		_, err := service.New(t.Context(), transport.Bufconn(), append(bindAll(fake{}), service.WithCORS("https://a.example", origin))...)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("CORS origin %q", origin)) || !strings.Contains(err.Error(), want) {
			t.Errorf("origin %q: error %v, want one that names it and says %q", origin, err, want)
		}
		if origin == "" {
			continue
		}
		if _, err := service.ParseOrigins("https://a.example," + origin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseOrigins of %q: error %v, want one that says %q", origin, err, want)
		}
	}
}

func TestCORS_Credentials(t *testing.T) {
	s := start(t, transport.Bufconn(), nil, append(bindAll(fake{}), service.WithCORS("https://*.example.com"), service.WithCORSCredentials())...)
	for _, method := range []string{"GET", "OPTIONS"} {
		a := call(t, s, method, "/v1/ping", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "GET")
		if a.header.Get("Access-Control-Allow-Credentials") != "true" || a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
			t.Errorf("%s: header %v, want credentials for the origin", method, a.header)
		}
		a = call(t, s, method, "/v1/ping", "", "Origin", "https://evil.com", "Access-Control-Request-Method", "GET")
		if a.header.Get("Access-Control-Allow-Credentials") != "" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s of a stranger: header %v, want none of CORS", method, a.header)
		}
	}
	for name, test := range map[string]struct {
		options []service.Option
		want    string
	}{
		"with any origin": {[]service.Option{service.WithCORS("https://a.example", "*"), service.WithCORSCredentials()}, `"*" cannot be combined with credentials`},
		"without origins": {[]service.Option{service.WithCORSCredentials()}, "no effect without"},
	} {
		_, err := service.New(context.Background(), transport.Bufconn(), append(bindAll(fake{}), test.options...)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, test.want)
		}
	}
	if a := call(t, start(t, transport.Bufconn(), nil, append(bindAll(fake{}), service.WithCORS("https://a.example"))...),
		"GET", "/v1/ping", "", "Origin", "https://a.example"); a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are allowed without the option")
	}
}

func TestCORS_PreflightAllowsTheHeadersThatPass(t *testing.T) {
	s := start(t, transport.Bufconn(), nil, append(bindAll(fake{}), service.WithCORS("https://a.example"), service.WithRequestHeaders("X-Tenant"))...)
	for _, name := range []string{
		"authorization", "content-type", "idempotency-key", "traceparent", "tracestate", "x-request-id", "x-tenant", "accept-language", "user-agent",
		"grpc-timeout", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range", "last-event-id",
	} {
		a := call(t, s, "OPTIONS", "/v1/ping", "", "Origin", "https://a.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", name)
		if a.header.Get("Access-Control-Allow-Headers") != name {
			t.Errorf("%s is not allowed: %v", name, a.header)
		}
	}
	a := call(t, s, "OPTIONS", "/v1/ping", "", "Origin", "https://a.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "x-other")
	if a.header.Get("Access-Control-Allow-Headers") != "" {
		t.Error("a header that does not pass is allowed")
	}
}

func FuzzParseOrigins(f *testing.F) {
	for _, seed := range []string{"", "*", "https://a.example, https://*.b.example", "http://[::1]:80", "https://*", "a b,,c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		origins, err := service.ParseOrigins(list)
		if err != nil {
			if origins != nil {
				t.Errorf("both %q and the error %v", origins, err)
			}
			return
		}
		again, err := service.ParseOrigins(strings.Join(origins, " , "))
		if err != nil || !slices.Equal(again, origins) {
			t.Errorf("%q is %q, and then %q, %v", list, origins, again, err)
		}
	})
}
