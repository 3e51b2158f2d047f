package event_test

import (
	"net/http"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// decodes reports whether API Gateway decodes the path.
func decodes(kind string) bool { return kind == "http-api" || kind == "http-api-v1" }

func TestPath(t *testing.T) {
	tests := map[string]struct {
		target string
		path   string // what r.URL.Path has to be
		uri    string // what r.RequestURI has to be, if not target
		lost   string // what RequestURI is when API Gateway has decoded the path
	}{
		"an ordinary path is what it is":          {target: "/v1/ping", path: "/v1/ping"},
		"the root is the root":                    {target: "/", path: "/"},
		"a trailing slash stays":                  {target: "/v1/ping/", path: "/v1/ping/"},
		"double slashes stay":                     {target: "//v1//ping", path: "//v1//ping"},
		"dots stay":                               {target: "/v1/../ping/.", path: "/v1/../ping/."},
		"an encoded slash is part of its segment": {target: "/a%2Fb", path: "/a/b", lost: "/a/b"},
		"its case stays":                          {target: "/a%2fb", path: "/a/b", lost: "/a/b"},
		"an encoded space is a space, once":       {target: "/a%20b", path: "/a b"},
		"an encoded percent sign is one":          {target: "/100%25", path: "/100%"},
		"what looks encoded twice is decoded once": {
			target: "/a%2520b", path: "/a%20b",
		},
		"an encoded question mark starts no query": {target: "/what%3Fnow", path: "/what?now"},
		"an encoded hash starts no fragment":       {target: "/c%23", path: "/c#"},
		"an encoded newline is no way out":         {target: "/a%0Ab", path: "/a\nb"},
		"letters outside ASCII are UTF-8":          {target: "/caf%C3%A9", path: "/café"},
		"a plus sign is a plus sign":               {target: "/a+b", path: "/a+b"},
		"a colon and other punctuation stay":       {target: "/v1/a:cancel;x=1,2@3&4", path: "/v1/a:cancel;x=1,2@3&4"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				r, _ := seen(t, kind, payload(t, kind, request{target: tt.target}))
				if r.URL.Path != tt.path {
					t.Errorf("got the path %q, want %q", r.URL.Path, tt.path)
				}
				want := tt.target
				if decodes(kind) && tt.lost != "" {
					want = tt.lost
				}
				if r.RequestURI != want || r.URL.RequestURI() != want {
					t.Errorf("got the URI %q, and %q of the URL, want %q", r.RequestURI, r.URL.RequestURI(), want)
				}
				if r.URL.RawQuery != "" || r.URL.Fragment != "" || r.URL.Host != "" {
					t.Errorf("got %#v", r.URL)
				}
			})
		})
	}
}

func TestMalformedPath(t *testing.T) {
	for name, target := range map[string]string{
		"an escape sequence of no hexadecimal digits": "/%zz",
		"an escape sequence cut short":                "/100%",
		"a control character":                         "/a\x01b",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					t.Errorf("the handler was called with %q", r.RequestURI)
				}))
				wantError(t, invoke(t, h, kind, payload(t, kind, request{target: target})), 400, 3)
			}, "http-api", "http-api-v1")
		})
	}
	t.Run("a path without its first slash gets one", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "v1/ping"}))
			if r.URL.Path != "/v1/ping" || r.RequestURI != "/v1/ping" {
				t.Errorf("got %q, %q", r.URL.Path, r.RequestURI)
			}
		})
	})
}

func TestBasePath(t *testing.T) {
	tests := map[string]struct{ base, target, want string }{
		"a segment is removed":                  {"/api", "/api/v1/ping", "/v1/ping"},
		"slashes around it do not matter":       {"api/", "/api/v1/ping", "/v1/ping"},
		"several segments are removed":          {"/api/v2", "/api/v2/ping", "/ping"},
		"alone it becomes the root":             {"/api", "/api", "/"},
		"with a slash too":                      {"/api", "/api/", "/"},
		"part of a segment is not removed":      {"/api", "/apiary/ping", "/apiary/ping"},
		"only the front is":                     {"/api", "/v1/api/ping", "/v1/api/ping"},
		"it is removed once":                    {"/api", "/api/api/ping", "/api/ping"},
		"a part of several is not removed":      {"/api/v2", "/api/ping", "/api/ping"},
		"what does not have it is served as is": {"/api", "/v1/ping", "/v1/ping"},
		"none is none":                          {"", "/api/ping", "/api/ping"},
		"a slash is none":                       {"/", "/api/ping", "/api/ping"},
		"an empty segment is not skipped":       {"/api", "//api/ping", "//api/ping"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				r, _ := seen(t, kind, payload(t, kind, request{target: tt.target + "?k=v"}), event.WithBasePath(tt.base))
				if r.URL.Path != tt.want || r.RequestURI != tt.want+"?k=v" {
					t.Errorf("got %q, %q, want %q", r.URL.Path, r.RequestURI, tt.want)
				}
			})
		})
	}
	t.Run("what follows keeps its encoding", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/%61pi/a%2Fb"}), event.WithBasePath("/api"))
			if r.URL.Path != "/a/b" || r.RequestURI != "/a%2Fb" {
				t.Errorf("got %q, %q", r.URL.Path, r.RequestURI)
			}
		}, "http-api", "http-api-v1")
	})
}

func TestStage(t *testing.T) {
	tests := map[string]struct {
		kind, domain, stage, path, want string
	}{
		"payload 2.0 has a named stage in the path":       {"http-api", "x.execute-api.eu-west-1.amazonaws.com", "prod", "/prod/v1/ping", "/v1/ping"},
		"on a custom domain too":                          {"http-api", "api.example.com", "prod", "/prod/v1/ping", "/v1/ping"},
		"the stage alone is the root":                     {"http-api", "x.execute-api.eu-west-1.amazonaws.com", "prod", "/prod", "/"},
		"it is removed once":                              {"http-api", "x.execute-api.eu-west-1.amazonaws.com", "v1", "/v1/v1/ping", "/v1/ping"},
		"a default stage is not in the path":              {"http-api", "x.execute-api.eu-west-1.amazonaws.com", "$default", "/$default/ping", "/$default/ping"},
		"payload 1.0 has it in the path as well":          {"http-api-v1", "x.execute-api.eu-west-1.amazonaws.com", "prod", "/prod/v1/ping", "/v1/ping"},
		"but what the client sent on a custom domain":     {"http-api-v1", "api.example.com", "v1", "/v1/ping", "/v1/ping"},
		"a REST API never has it there":                   {"rest-api", "x.execute-api.eu-west-1.amazonaws.com", "v1", "/v1/ping", "/v1/ping"},
		"a Function URL knows no stages":                  {"function-url", "x.lambda-url.eu-west-1.on.aws", "$default", "/$default", "/$default"},
		"a path that only begins like the stage stays so": {"http-api", "x.execute-api.eu-west-1.amazonaws.com", "prod", "/production/ping", "/production/ping"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, _ := seen(t, tt.kind, payload(t, tt.kind, request{target: tt.path}, func(e map[string]any) {
				ctx := e["requestContext"].(map[string]any)
				ctx["domainName"], ctx["stage"] = tt.domain, tt.stage
			}))
			if r.URL.Path != tt.want {
				t.Errorf("got %q, want %q", r.URL.Path, tt.want)
			}
		})
	}
}
