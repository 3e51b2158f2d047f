package frontdoor_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// volatile matches the parts of an event that differ from call to call.
var volatile = regexp.MustCompile(`("(?:requestId|extendedRequestId|requestTime|time|timeEpoch|x-amzn-trace-id|X-Amzn-Trace-Id)": ?\[?\s*)"[^"]*"|("(?:requestTimeEpoch|timeEpoch)": ?)\d+`)

func TestEvents(t *testing.T) {
	const wire = "POST /v1/echo/a%2Fb%20c?q=a+b&q=%2B&empty=&bare&%C3%BC=%26 HTTP/1.1\n" +
		"Host: api.example.com:8443\n" +
		"Content-Type: application/json; charset=utf-8\n" +
		"Content-Length: 14\n" +
		"Connection: keep-alive\n" +
		"Cookie: a=1; b=2\n" +
		"Date: Mon, 02 Jan 2006 15:04:05 GMT\n" +
		"User-Agent: test/1\n" +
		"X-Forwarded-For: 198.51.100.7\n" +
		"X-List: one, \"two, three\"\n" +
		"X-List: four\n" +
		"\n" + `{"text":"<&>"}`
	for _, source := range frontdoor.Sources() {
		t.Run(string(source), func(t *testing.T) {
			fn := &fake{response: `{"statusCode":200}`}
			serve(t, frontDoor(t, fn, source), wire)
			var indented bytes.Buffer
			if err := json.Indent(&indented, fn.event, "", "  "); err != nil {
				t.Fatalf("event %s: %v", fn.event, err)
			}
			got := volatile.ReplaceAllString(indented.String(), `$1$2"VARIES"`)
			golden := filepath.Join("testdata", "events", string(source)+".json")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// seen has the fields of all events that the tests below compare.
type seen struct {
	Path           string
	RawPath        string
	RawQueryString string
	Body           *string
	IsBase64       bool                `json:"isBase64Encoded"`
	Query          map[string]string   `json:"queryStringParameters"`
	MultiQuery     map[string][]string `json:"multiValueQueryStringParameters"`
	Cookies        []string
	Headers        map[string]string
	RequestContext struct {
		Path  string
		Stage string
		HTTP  struct{ Path string }
	}
	PathParameters map[string]string
}

func event(t *testing.T, source frontdoor.Source, wire string, options ...frontdoor.Option) seen {
	t.Helper()
	fn := &fake{response: `{"statusCode":200}`}
	if response := serve(t, frontDoor(t, fn, source, options...), wire); response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	var s seen
	if err := json.Unmarshal(fn.event, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEvents_Paths(t *testing.T) {
	encoded := map[string]string{ // sent path: path in the event of a source that does not decode
		"/": "/", "/a%2Fb": "/a%2Fb", "/a%20b": "/a%20b", "/a%25b": "/a%25b", "/a%3Fb%23c": "/a%3Fb%23c",
		"/%C3%BC": "/%C3%BC", "/a/": "/a/", "//a//b": "//a//b", "/a'b": "/a'b", "/a+b": "/a+b",
	}
	decoded := map[string]string{
		"/": "/", "/a%2Fb": "/a/b", "/a%20b": "/a b", "/a%25b": "/a%b", "/a%3Fb%23c": "/a?b#c",
		"/%C3%BC": "/ü", "/a/": "/a/", "//a//b": "//a//b", "/a'b": "/a'b", "/a+b": "/a+b",
	}
	for _, source := range frontdoor.Sources() {
		want := encoded
		if source == frontdoor.HTTPAPI || source == frontdoor.HTTPAPIv1 {
			want = decoded
		}
		if source == frontdoor.VPCLattice || source == frontdoor.VPCLatticeV1 {
			continue // see TestLattice_PathsAndQueries
		}
		for sent, path := range want {
			e := event(t, source, get(sent))
			if got := e.Path + e.RawPath; got != path {
				t.Errorf("%s: %s arrives as %q, want %q", source, sent, got, path)
			}
		}
	}
}

func TestEvents_Queries(t *testing.T) {
	const query = "a=1&a=2&p=x+y%2B&e=&bare&%6B=v"
	decoded := map[string][]string{"a": {"1", "2"}, "p": {"x y+"}, "e": {""}, "bare": {""}, "k": {"v"}}
	raw := map[string][]string{"a": {"1", "2"}, "p": {"x+y%2B"}, "e": {""}, "bare": {""}, "%6B": {"v"}}
	for _, test := range []struct {
		source frontdoor.Source
		multi  map[string][]string
		single map[string]string
		raw    string
	}{
		{frontdoor.RESTAPI, decoded, map[string]string{"a": "2", "p": "x y+", "e": "", "bare": "", "k": "v"}, ""},
		{frontdoor.HTTPAPIv1, decoded, map[string]string{"a": "2", "p": "x y+", "e": "", "bare": "", "k": "v"}, ""},
		{frontdoor.HTTPAPI, nil, map[string]string{"a": "1,2", "p": "x y+", "e": "", "bare": "", "k": "v"}, query},
		{frontdoor.FunctionURL, nil, map[string]string{"a": "1,2", "p": "x y+", "e": "", "bare": "", "k": "v"}, query},
		{frontdoor.ALB, nil, map[string]string{"a": "2", "p": "x+y%2B", "e": "", "bare": "", "%6B": "v"}, ""},
		{frontdoor.ALBMulti, raw, nil, ""},
	} {
		e := event(t, test.source, get("/?"+query))
		if diff := cmp.Diff(test.multi, e.MultiQuery); diff != "" {
			t.Errorf("%s: multi -want +got\n%s", test.source, diff)
		}
		if diff := cmp.Diff(test.single, e.Query); diff != "" {
			t.Errorf("%s: single -want +got\n%s", test.source, diff)
		}
		if e.RawQueryString != test.raw {
			t.Errorf("%s: raw %q, want %q", test.source, e.RawQueryString, test.raw)
		}
	}
}

func TestStageAndBasePath(t *testing.T) {
	stage := frontdoor.WithStage("test")
	base := frontdoor.WithBasePath("/api/")
	for name, test := range map[string]struct {
		source  frontdoor.Source
		options []frontdoor.Option
		sent    string
		path    string // of the event
		context string // path in its requestContext
		stage   string
	}{
		"a REST API on a custom domain's root": {frontdoor.RESTAPI, nil, "/v1/ping", "/v1/ping", "/v1/ping", "prod"},
		"a REST API's own domain":              {frontdoor.RESTAPI, []frontdoor.Option{stage}, "/test/v1/ping", "/v1/ping", "/test/v1/ping", "test"},
		"the root of a REST API's own domain":  {frontdoor.RESTAPI, []frontdoor.Option{stage}, "/test", "/", "/test", "test"},
		"a REST API under a base path":         {frontdoor.RESTAPI, []frontdoor.Option{base}, "/api/v1/a%2Fb", "/api/v1/a%2Fb", "/api/v1/a%2Fb", "prod"},
		"the root of a REST API's base path":   {frontdoor.RESTAPI, []frontdoor.Option{base}, "/api", "/api", "/api", "prod"},
		"an HTTP API's default stage":          {frontdoor.HTTPAPI, nil, "/v1/ping", "/v1/ping", "/v1/ping", "$default"},
		"an HTTP API's named stage":            {frontdoor.HTTPAPI, []frontdoor.Option{stage}, "/test/v1/a%20b", "/test/v1/a b", "/test/v1/a b", "test"},
		"an HTTP API under a base path":        {frontdoor.HTTPAPI, []frontdoor.Option{base}, "/api/v1/ping", "/v1/ping", "/v1/ping", "$default"},
		"an HTTP API's named stage under one":  {frontdoor.HTTPAPI, []frontdoor.Option{base, stage}, "/api/v1/ping", "/test/v1/ping", "/test/v1/ping", "test"},
		"payload 1.0 of a named stage":         {frontdoor.HTTPAPIv1, []frontdoor.Option{stage}, "/test/v1/a%20b", "/test/v1/a b", "/test/v1/a b", "test"},
		"payload 1.0 under a base path":        {frontdoor.HTTPAPIv1, []frontdoor.Option{base}, "/api/v1/ping", "/api/v1/ping", "/api/v1/ping", "$default"},
		"a base path that is the root":         {frontdoor.HTTPAPI, []frontdoor.Option{frontdoor.WithBasePath("/")}, "/v1", "/v1", "/v1", "$default"},
	} {
		t.Run(name, func(t *testing.T) {
			e := event(t, test.source, get(test.sent), test.options...)
			got := []string{e.Path + e.RawPath, e.RequestContext.Path + e.RequestContext.HTTP.Path, e.RequestContext.Stage}
			if diff := cmp.Diff([]string{test.path, test.context, test.stage}, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	for source, status := range map[frontdoor.Source]int{frontdoor.RESTAPI: 403, frontdoor.HTTPAPI: 404, frontdoor.HTTPAPIv1: 404} {
		for _, path := range []string{"/", "/testing/v1", "/v1"} {
			if got := serve(t, frontDoor(t, &fake{}, source, stage), get(path)).StatusCode; got != status {
				t.Errorf("%s: status %d for %s outside the stage, want %d", source, got, path, status)
			}
		}
	}
}

func TestEvents_Bodies(t *testing.T) {
	post := func(contentType, body string) string {
		return "POST / HTTP/1.1\nHost: h\n" + contentType + "Transfer-Encoding: chunked\n\n" +
			// one chunk, its length in hexadecimal
			string("0123456789abcdef"[len(body)]) + "\r\n" + body + "\r\n0\r\n\r\n"
	}
	none := frontdoor.WithBinaryMediaTypes()
	images := frontdoor.WithBinaryMediaTypes("image/*", "application/x-proto")
	for name, test := range map[string]struct {
		sources []frontdoor.Source
		options []frontdoor.Option
		header  string
		sent    string
		body    string
		base64  bool
	}{
		"JSON is text":                                 {notREST, nil, "Content-Type: application/json\n", "{}", "{}", false},
		"text is passed as it is":                      {notREST, nil, "Content-Type: text/csv; charset=utf-8\n", "a,ü", "a,ü", false},
		"bytes are passed in base64":                   {notREST, nil, "Content-Type: application/octet-stream\n", "\xff\x00", "/wA=", true},
		"forms are passed in base64":                   {notREST, nil, "Content-Type: application/x-www-form-urlencoded\n", "a=b", "YT1i", true},
		"a body without a type is passed in base64":    {notREST, nil, "", "a=b", "YT1i", true},
		"a compressed body is passed in base64":        {notREST, nil, "Content-Type: text/plain\nContent-Encoding: gzip\n", "zip", "emlw", true},
		"a REST API passes binary types in base64":     {rest, nil, "Content-Type: application/json\n", "{}", "e30=", true},
		"a REST API without binary types passes text":  {rest, []frontdoor.Option{none}, "Content-Type: image/png\n", "png", "png", false},
		"passing bytes as text replaces invalid UTF-8": {rest, []frontdoor.Option{none}, "Content-Type: image/png\n", "\xff", "\ufffd", false},
		"a range of binary types matches":              {rest, []frontdoor.Option{images}, "Content-Type: image/png\n", "png", "cG5n", true},
		"a binary type matches":                        {rest, []frontdoor.Option{images}, "Content-Type: application/x-proto; v=1\n", "png", "cG5n", true},
		"another type does not match":                  {rest, []frontdoor.Option{images}, "Content-Type: imagery/png\n", "png", "png", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range test.sources {
				e := event(t, source, post(test.header, test.sent), test.options...)
				if e.Body == nil || *e.Body != test.body || e.IsBase64 != test.base64 {
					t.Errorf("%s: body %v in base64: %v, want %q, %v", source, e.Body, e.IsBase64, test.body, test.base64)
				}
			}
		})
	}
	for source, want := range map[frontdoor.Source]string{
		frontdoor.RESTAPI: `"body":null`, frontdoor.HTTPAPIv1: `"body":null`, frontdoor.ALB: `"body":""`, frontdoor.ALBMulti: `"body":""`,
		frontdoor.HTTPAPI: "", frontdoor.FunctionURL: "",
	} {
		fn := &fake{response: `{"statusCode":200}`}
		serve(t, frontDoor(t, fn, source), get("/"))
		if has := bytes.Contains(fn.event, []byte(`"body"`)); has != (want != "") || !bytes.Contains(fn.event, []byte(want)) {
			t.Errorf("%s: event without a body is %s, want %s in it", source, fn.event, want)
		}
	}
}
