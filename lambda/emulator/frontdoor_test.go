package emulator_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fake is an Invoker that keeps the event and gives the answer it is told.
type fake struct {
	event  []byte
	answer string
	err    error
	stream *emulator.Stream
}

func (f *fake) Do(ctx context.Context, r emulator.Request) (emulator.Response, error) {
	f.event = r.Payload
	if errors.Is(f.err, errWait) {
		<-ctx.Done()
		return emulator.Response{}, context.Cause(ctx)
	}
	return emulator.Response{Payload: []byte(f.answer)}, f.err
}

func (f *fake) Stream(_ context.Context, r emulator.Request) (*emulator.Stream, error) {
	f.event = r.Payload
	return f.stream, f.err
}

var errWait = errors.New("wait until the caller gives up")

// request reads a request as it stands on the wire, with \n for line ends.
func request(t *testing.T, wire string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "203.0.113.9:4711"
	return r
}

func get(target string) string { return "GET " + target + " HTTP/1.1\nHost: api.example.com\n\n" }

func frontDoor(t *testing.T, fn emulator.Invoker, source emulator.Source, options ...emulator.Option) http.Handler {
	t.Helper()
	h, err := emulator.FrontDoor(fn, source, options...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func serve(t *testing.T, h http.Handler, wire string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(t, wire))
	return w.Result()
}

// volatile are the parts of an event that differ from call to call.
var volatile = regexp.MustCompile(`("(?:requestId|extendedRequestId|requestTime|time|x-amzn-trace-id|X-Amzn-Trace-Id)": ?\[?\s*)"[^"]*"|("(?:requestTimeEpoch|timeEpoch)": ?)\d+`)

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
	for _, source := range emulator.Sources() {
		t.Run(string(source), func(t *testing.T) {
			fn := &fake{answer: `{"statusCode":200}`}
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

// seen are the parts of an event that the tests of paths look at.
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

func event(t *testing.T, source emulator.Source, wire string, options ...emulator.Option) seen {
	t.Helper()
	fn := &fake{answer: `{"statusCode":200}`}
	if response := serve(t, frontDoor(t, fn, source, options...), wire); response.StatusCode != 200 {
		t.Fatalf("status %d", response.StatusCode)
	}
	var s seen
	if err := json.Unmarshal(fn.event, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPathsAsSourcesPassThem(t *testing.T) {
	encoded := map[string]string{ // what is sent: what an encoding source passes, which is the same
		"/": "/", "/a%2Fb": "/a%2Fb", "/a%20b": "/a%20b", "/a%25b": "/a%25b", "/a%3Fb%23c": "/a%3Fb%23c",
		"/%C3%BC": "/%C3%BC", "/a/": "/a/", "//a//b": "//a//b", "/a'b": "/a'b", "/a+b": "/a+b",
	}
	decoded := map[string]string{
		"/": "/", "/a%2Fb": "/a/b", "/a%20b": "/a b", "/a%25b": "/a%b", "/a%3Fb%23c": "/a?b#c",
		"/%C3%BC": "/ü", "/a/": "/a/", "//a//b": "//a//b", "/a'b": "/a'b", "/a+b": "/a+b",
	}
	for _, source := range emulator.Sources() {
		want := encoded
		if source == emulator.HTTPAPI || source == emulator.HTTPAPIv1 {
			want = decoded
		}
		for sent, path := range want {
			e := event(t, source, get(sent))
			if got := e.Path + e.RawPath; got != path {
				t.Errorf("%s: %s arrives as %q, want %q", source, sent, got, path)
			}
		}
	}
}

func TestQueriesAsSourcesPassThem(t *testing.T) {
	const query = "a=1&a=2&p=x+y%2B&e=&bare&%6B=v"
	decoded := map[string][]string{"a": {"1", "2"}, "p": {"x y+"}, "e": {""}, "bare": {""}, "k": {"v"}}
	raw := map[string][]string{"a": {"1", "2"}, "p": {"x+y%2B"}, "e": {""}, "bare": {""}, "%6B": {"v"}}
	for _, test := range []struct {
		source emulator.Source
		multi  map[string][]string
		single map[string]string
		raw    string
	}{
		{emulator.RESTAPI, decoded, map[string]string{"a": "2", "p": "x y+", "e": "", "bare": "", "k": "v"}, ""},
		{emulator.HTTPAPIv1, decoded, map[string]string{"a": "2", "p": "x y+", "e": "", "bare": "", "k": "v"}, ""},
		{emulator.HTTPAPI, nil, map[string]string{"a": "1,2", "p": "x y+", "e": "", "bare": "", "k": "v"}, query},
		{emulator.FunctionURL, nil, map[string]string{"a": "1,2", "p": "x y+", "e": "", "bare": "", "k": "v"}, query},
		{emulator.ALB, nil, map[string]string{"a": "2", "p": "x+y%2B", "e": "", "bare": "", "%6B": "v"}, ""},
		{emulator.ALBMulti, raw, nil, ""},
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
	stage := emulator.WithStage("test")
	base := emulator.WithBasePath("/api/")
	for name, test := range map[string]struct {
		source  emulator.Source
		options []emulator.Option
		sent    string
		path    string // of the event
		context string // path in its requestContext
		stage   string
	}{
		"a REST API on a custom domain's root": {emulator.RESTAPI, nil, "/v1/ping", "/v1/ping", "/v1/ping", "prod"},
		"a REST API's own domain":              {emulator.RESTAPI, []emulator.Option{stage}, "/test/v1/ping", "/v1/ping", "/test/v1/ping", "test"},
		"the root of a REST API's own domain":  {emulator.RESTAPI, []emulator.Option{stage}, "/test", "/", "/test", "test"},
		"a REST API under a base path":         {emulator.RESTAPI, []emulator.Option{base}, "/api/v1/a%2Fb", "/api/v1/a%2Fb", "/api/v1/a%2Fb", "prod"},
		"the root of a REST API's base path":   {emulator.RESTAPI, []emulator.Option{base}, "/api", "/api", "/api", "prod"},
		"an HTTP API's default stage":          {emulator.HTTPAPI, nil, "/v1/ping", "/v1/ping", "/v1/ping", "$default"},
		"an HTTP API's named stage":            {emulator.HTTPAPI, []emulator.Option{stage}, "/test/v1/a%20b", "/test/v1/a b", "/test/v1/a b", "test"},
		"an HTTP API under a base path":        {emulator.HTTPAPI, []emulator.Option{base}, "/api/v1/ping", "/v1/ping", "/v1/ping", "$default"},
		"an HTTP API's named stage under one":  {emulator.HTTPAPI, []emulator.Option{base, stage}, "/api/v1/ping", "/test/v1/ping", "/test/v1/ping", "test"},
		"payload 1.0 of a named stage":         {emulator.HTTPAPIv1, []emulator.Option{stage}, "/test/v1/a%20b", "/test/v1/a b", "/test/v1/a b", "test"},
		"payload 1.0 under a base path":        {emulator.HTTPAPIv1, []emulator.Option{base}, "/api/v1/ping", "/api/v1/ping", "/api/v1/ping", "$default"},
		"a base path that is the root":         {emulator.HTTPAPI, []emulator.Option{emulator.WithBasePath("/")}, "/v1", "/v1", "/v1", "$default"},
	} {
		t.Run(name, func(t *testing.T) {
			e := event(t, test.source, get(test.sent), test.options...)
			got := []string{e.Path + e.RawPath, e.RequestContext.Path + e.RequestContext.HTTP.Path, e.RequestContext.Stage}
			if diff := cmp.Diff([]string{test.path, test.context, test.stage}, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	for source, status := range map[emulator.Source]int{emulator.RESTAPI: 403, emulator.HTTPAPI: 404, emulator.HTTPAPIv1: 404} {
		for _, path := range []string{"/", "/testing/v1", "/v1"} {
			if got := serve(t, frontDoor(t, &fake{}, source, stage), get(path)).StatusCode; got != status {
				t.Errorf("%s: status %d for %s outside the stage, want %d", source, got, path, status)
			}
		}
	}
}

func TestBodiesAsSourcesPassThem(t *testing.T) {
	post := func(contentType, body string) string {
		return "POST / HTTP/1.1\nHost: h\n" + contentType + "Transfer-Encoding: chunked\n\n" +
			// one chunk, its length in hexadecimal
			string("0123456789abcdef"[len(body)]) + "\r\n" + body + "\r\n0\r\n\r\n"
	}
	none := emulator.WithBinaryMediaTypes()
	images := emulator.WithBinaryMediaTypes("image/*", "application/x-proto")
	for name, test := range map[string]struct {
		sources []emulator.Source
		options []emulator.Option
		header  string
		sent    string
		body    string
		base64  bool
	}{
		"JSON is text":                                {notREST, nil, "Content-Type: application/json\n", "{}", "{}", false},
		"so are text types":                           {notREST, nil, "Content-Type: text/csv; charset=utf-8\n", "a,ü", "a,ü", false},
		"bytes are not":                               {notREST, nil, "Content-Type: application/octet-stream\n", "\xff\x00", "/wA=", true},
		"forms are not":                               {notREST, nil, "Content-Type: application/x-www-form-urlencoded\n", "a=b", "YT1i", true},
		"nor what has no type":                        {notREST, nil, "", "a=b", "YT1i", true},
		"nor what is compressed":                      {notREST, nil, "Content-Type: text/plain\nContent-Encoding: gzip\n", "zip", "emlw", true},
		"a REST API passes binary types in base64":    {rest, nil, "Content-Type: application/json\n", "{}", "e30=", true},
		"a REST API without binary types passes text": {rest, []emulator.Option{none}, "Content-Type: image/png\n", "png", "png", false},
		"which breaks bytes":                          {rest, []emulator.Option{none}, "Content-Type: image/png\n", "\xff", "\ufffd", false},
		"a range of binary types matches":             {rest, []emulator.Option{images}, "Content-Type: image/png\n", "png", "cG5n", true},
		"a binary type matches":                       {rest, []emulator.Option{images}, "Content-Type: application/x-proto; v=1\n", "png", "cG5n", true},
		"another type does not":                       {rest, []emulator.Option{images}, "Content-Type: imagery/png\n", "png", "png", false},
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
	for source, want := range map[emulator.Source]string{
		emulator.RESTAPI: `"body":null`, emulator.HTTPAPIv1: `"body":null`, emulator.ALB: `"body":""`, emulator.ALBMulti: `"body":""`,
		emulator.HTTPAPI: "", emulator.FunctionURL: "",
	} {
		fn := &fake{answer: `{"statusCode":200}`}
		serve(t, frontDoor(t, fn, source), get("/"))
		if has := bytes.Contains(fn.event, []byte(`"body"`)); has != (want != "") || !bytes.Contains(fn.event, []byte(want)) {
			t.Errorf("%s: event without a body is %s, want %s in it", source, fn.event, want)
		}
	}
}

var (
	rest    = []emulator.Source{emulator.RESTAPI}
	notREST = []emulator.Source{emulator.HTTPAPI, emulator.HTTPAPIv1, emulator.ALB, emulator.ALBMulti, emulator.FunctionURL}
	apis    = []emulator.Source{emulator.RESTAPI, emulator.HTTPAPI, emulator.HTTPAPIv1}
	v1      = []emulator.Source{emulator.RESTAPI, emulator.HTTPAPIv1}
	v2      = []emulator.Source{emulator.HTTPAPI, emulator.FunctionURL}
	every   = emulator.Sources()
)

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		sources []emulator.Source
		answer  string
		status  int
		header  http.Header // of those named here, the values
		body    string
	}{
		"status, headers and body": {
			[]emulator.Source{emulator.RESTAPI, emulator.HTTPAPI, emulator.HTTPAPIv1, emulator.ALB, emulator.FunctionURL},
			`{"statusCode":201,"headers":{"content-type":"text/x","x-a":"1, 2","x-n":3},"body":"ü"}`,
			201, http.Header{"Content-Type": {"text/x"}, "X-A": {"1, 2"}, "X-N": {"3"}}, "ü",
		},
		"several values of a header": {
			[]emulator.Source{emulator.RESTAPI, emulator.HTTPAPIv1, emulator.ALBMulti},
			`{"statusCode":200,"multiValueHeaders":{"set-cookie":["a=1","b=2"]},"body":""}`,
			200, http.Header{"Set-Cookie": {"a=1", "b=2"}}, "",
		},
		"of a header in both maps the multi-value one counts": {
			v1, `{"statusCode":200,"headers":{"x-a":"0","x-b":"1"},"multiValueHeaders":{"x-a":["1","2"]}}`,
			200, http.Header{"X-A": {"1", "2"}, "X-B": {"1"}}, "",
		},
		"cookies of payload 2.0": {
			v2, `{"statusCode":200,"cookies":["a=1; Secure","b=2"]}`,
			200, http.Header{"Set-Cookie": {"a=1; Secure", "b=2"}}, "",
		},
		"a load balancer without multi-value headers does not read them": {
			[]emulator.Source{emulator.ALB}, `{"statusCode":200,"headers":{"x-a":"1"},"multiValueHeaders":{"x-b":["2"]}}`,
			200, http.Header{"X-A": {"1"}, "X-B": nil}, "",
		},
		"a load balancer with them reads nothing else": {
			[]emulator.Source{emulator.ALBMulti}, `{"statusCode":200,"headers":{"x-a":"1"},"multiValueHeaders":{"x-b":["2"]}}`,
			200, http.Header{"X-A": nil, "X-B": {"2"}}, "",
		},
		"a body in base64": {every, `{"statusCode":200,"body":"/wA=","isBase64Encoded":true}`, 200, nil, "\xff\x00"},
		"JSON without a status is the body in payload 2.0": {
			v2, `{"message":"Pong"}`, 200, http.Header{"Content-Type": {"application/json"}}, `{"message":"Pong"}`,
		},
		"a JSON string is too": {v2, `"Pong"`, 200, http.Header{"Content-Type": {"application/json"}}, `"Pong"`},
		"hop-by-hop headers are dropped": {
			[]emulator.Source{emulator.HTTPAPI, emulator.ALB}, `{"statusCode":200,"headers":{"Connection":"close","Transfer-Encoding":"x","Content-Length":"99"},"body":"x"}`,
			200, http.Header{"Connection": nil, "Transfer-Encoding": nil, "Content-Length": nil}, "x",
		},
		"REST APIs and function URLs rename some headers": {
			[]emulator.Source{emulator.RESTAPI, emulator.FunctionURL}, `{"statusCode":401,"headers":{"WWW-Authenticate":"Bearer"}}`,
			401, http.Header{"X-Amzn-Remapped-Www-Authenticate": {"Bearer"}, "Www-Authenticate": nil}, "",
		},
		"HTTP APIs do not": {
			[]emulator.Source{emulator.HTTPAPI}, `{"statusCode":401,"headers":{"WWW-Authenticate":"Bearer"}}`,
			401, http.Header{"Www-Authenticate": {"Bearer"}}, "",
		},
		"the type of an answer without one": {
			[]emulator.Source{emulator.HTTPAPI}, `{"statusCode":200,"body":"<html>"}`,
			200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, "<html>",
		},
		"a load balancer guesses none": {
			[]emulator.Source{emulator.ALB}, `{"statusCode":200,"body":"<html>"}`, 200, http.Header{"Content-Type": nil}, "<html>",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range test.sources {
				response := serve(t, frontDoor(t, &fake{answer: test.answer}, source), get("/"))
				body, err := io.ReadAll(response.Body)
				if err != nil || string(body) != test.body || response.StatusCode != test.status {
					t.Errorf("%s: %d %q, %v; want %d %q", source, response.StatusCode, body, err, test.status, test.body)
				}
				for name, want := range test.header {
					if diff := cmp.Diff(want, response.Header.Values(name)); diff != "" && len(want)+len(response.Header.Values(name)) > 0 {
						t.Errorf("%s: %s -want +got\n%s", source, name, diff)
					}
				}
			}
		})
	}
}

func TestBase64AnswersOfRESTAPIsDependOnAccept(t *testing.T) {
	const answer = `{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"cG5n","isBase64Encoded":true}`
	images := emulator.WithBinaryMediaTypes("image/*")
	for accept, want := range map[string]string{
		"":                                     "png",
		"Accept: image/png\n":                  "png",
		"Accept: image/png;q=0.1, text/html\n": "png",
		"Accept: text/html, image/png\n":       "cG5n",
	} {
		response := serve(t, frontDoor(t, &fake{answer: answer}, emulator.RESTAPI, images), "GET / HTTP/1.1\nHost: h\n"+accept+"\n")
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != want {
			t.Errorf("%q: body %q, %v, want %q", accept, body, err, want)
		}
	}
}

func TestInvalidAnswers(t *testing.T) {
	want := map[emulator.Source]int{
		emulator.RESTAPI: 502, emulator.HTTPAPI: 500, emulator.HTTPAPIv1: 500, emulator.ALB: 502, emulator.ALBMulti: 502, emulator.FunctionURL: 502,
	}
	for name, test := range map[string]struct {
		sources []emulator.Source
		answer  string
	}{
		"not JSON":                        {every, `pong`},
		"no answer at all":                {every, ``},
		"a status that is none":           {every, `{"statusCode":"teapot"}`},
		"a status out of range":           {every, `{"statusCode":99}`},
		"a body that is an object":        {every, `{"statusCode":200,"body":{}}`},
		"a body that is not base64":       {every, `{"statusCode":200,"body":"***","isBase64Encoded":true}`},
		"a header that is a list":         {every, `{"statusCode":200,"headers":{"a":["b"]}}`},
		"no status":                       {append(v1, emulator.ALB, emulator.ALBMulti), `{"body":"x"}`},
		"a string":                        {append(v1, emulator.ALB, emulator.ALBMulti), `"x"`},
		"cookies in payload 1.0":          {v1, `{"statusCode":200,"cookies":["a=b"]}`},
		"an unknown field in payload 1.0": {v1, `{"statusCode":200,"statusDescription":"OK"}`},
		"over 1 MB through a load balancer": {
			[]emulator.Source{emulator.ALB, emulator.ALBMulti}, `{"statusCode":200,"body":"` + strings.Repeat("x", 1<<20) + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range test.sources {
				if got := serve(t, frontDoor(t, &fake{answer: test.answer}, source), get("/")).StatusCode; got != want[source] {
					t.Errorf("%s: status %d, want %d", source, got, want[source])
				}
			}
		})
	}
}

func TestFailedInvocations(t *testing.T) {
	type reply struct {
		status int
		body   string
	}
	html := func(title string) string {
		return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
			"</h1></center>\r\n</body>\r\n</html>\r\n"
	}
	for name, test := range map[string]struct {
		err     error
		options []emulator.Option
		want    map[emulator.Source]reply
	}{
		"a function that fails": {
			err: &emulator.FunctionError{Type: "Oops"},
			want: map[emulator.Source]reply{
				emulator.RESTAPI:     {502, `{"message": "Internal server error"}`},
				emulator.HTTPAPI:     {500, `{"message":"Internal Server Error"}`},
				emulator.HTTPAPIv1:   {500, `{"message":"Internal Server Error"}`},
				emulator.ALB:         {502, html("502 Bad Gateway")},
				emulator.ALBMulti:    {502, html("502 Bad Gateway")},
				emulator.FunctionURL: {502, `Internal Server Error`},
			},
		},
		"an event over 6 MB": {
			err: emulator.ErrRequestTooLarge,
			want: map[emulator.Source]reply{
				emulator.RESTAPI:     {413, `{"message": "Request Too Long"}`},
				emulator.HTTPAPI:     {413, `{"message":"Request Entity Too Large"}`},
				emulator.HTTPAPIv1:   {413, `{"message":"Request Entity Too Large"}`},
				emulator.ALB:         {413, html("413 Request Entity Too Large")},
				emulator.FunctionURL: {413, `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
			},
		},
		"an API that stops waiting": {
			err: errWait, options: []emulator.Option{emulator.WithTimeout(time.Millisecond)},
			want: map[emulator.Source]reply{
				emulator.RESTAPI:   {504, `{"message": "Endpoint request timed out"}`},
				emulator.HTTPAPI:   {503, `{"message":"Service Unavailable"}`},
				emulator.HTTPAPIv1: {503, `{"message":"Service Unavailable"}`},
			},
		},
		"a function that is closed": {
			err: emulator.ErrClosed,
			want: map[emulator.Source]reply{
				emulator.HTTPAPI: {503, `{"message":"Service Unavailable"}`},
				emulator.ALB:     {503, html("503 Service Unavailable")},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for source, want := range test.want {
				response := serve(t, frontDoor(t, &fake{err: test.err}, source, test.options...), get("/"))
				body, err := io.ReadAll(response.Body)
				if got := (reply{response.StatusCode, string(body)}); err != nil || got != want {
					t.Errorf("%s: %v, %v, want %v", source, got, err, want)
				}
			}
		})
	}
}

func TestLimitsOfSources(t *testing.T) {
	for source, limit := range map[emulator.Source]int{
		emulator.RESTAPI: 10 << 20, emulator.HTTPAPI: 10 << 20, emulator.HTTPAPIv1: 10 << 20,
		emulator.ALB: 1 << 20, emulator.ALBMulti: 1 << 20, emulator.FunctionURL: 6 << 20,
	} {
		for n, want := range map[int]int{limit: 200, limit + 1: 413} {
			fn := &fake{answer: `{"statusCode":200}`}
			w := httptest.NewRecorder()
			frontDoor(t, fn, source).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", n))))
			if w.Code != want || (want == 413) != (fn.event == nil) {
				t.Errorf("%s: status %d for a body of %d bytes, want %d", source, w.Code, n, want)
			}
		}
	}
	for _, source := range apis {
		wire := "GET / HTTP/1.1\nHost: h\nX-Large: " + strings.Repeat("x", 10_240) + "\n\n"
		if got := serve(t, frontDoor(t, &fake{}, source), wire).StatusCode; got != 431 {
			t.Errorf("%s: status %d for large headers, want 431", source, got)
		}
	}
}

func TestAuthorizers(t *testing.T) {
	authorized := emulator.Authorized{
		Claims: map[string]string{"sub": "me"}, Scopes: []string{"read"},
		IAM:     &emulator.IAMIdentity{AccessKey: "AK", AccountID: "1", CallerID: "C", UserARN: "arn", UserID: "U"},
		Context: map[string]any{"n": 1}, PrincipalID: "p",
	}
	const iam = `{"accessKey":"AK","accountId":"1","callerId":"C","userArn":"arn","userId":"U"}`
	const identity = `"identity":{"accessKey":"AK","accountId":"1","caller":"C","sourceIp":"203.0.113.9","user":"U","userAgent":"","userArn":"arn"}`
	for source, wants := range map[emulator.Source][]string{
		emulator.RESTAPI:     {`"authorizer":{"claims":{"sub":"me"},"n":"1","principalId":"p"}`, identity},
		emulator.HTTPAPIv1:   {`"authorizer":{"claims":{"sub":"me"},"n":"1","principalId":"p","scopes":["read"]}`, identity},
		emulator.HTTPAPI:     {`"authorizer":{"jwt":{"claims":{"sub":"me"},"scopes":["read"]},"lambda":{"n":1},"iam":` + iam + `}`},
		emulator.FunctionURL: {`"authorizer":{"iam":` + iam + `}`},
	} {
		fn := &fake{answer: `{"statusCode":200}`}
		h := frontDoor(t, fn, source, emulator.WithAuthorizer(func(r *http.Request) (emulator.Authorized, bool) {
			return authorized, r.URL.Path == "/open"
		}))
		serve(t, h, get("/open"))
		for _, want := range wants {
			if !bytes.Contains(fn.event, []byte(want)) {
				t.Errorf("%s: event %s\nlacks %s", source, fn.event, want)
			}
		}
		status := map[bool]int{true: 403, false: 401}[source == emulator.FunctionURL]
		fn.event = nil
		if got := serve(t, h, get("/shut")).StatusCode; got != status || fn.event != nil {
			t.Errorf("%s: status %d when refused, want %d", source, got, status)
		}
	}
}

func TestFrontDoorsThatThereAreNot(t *testing.T) {
	authorizer := emulator.WithAuthorizer(func(*http.Request) (emulator.Authorized, bool) { return emulator.Authorized{}, true })
	for name, test := range map[string]struct {
		source emulator.Source
		option emulator.Option
	}{
		"an unknown source":                    {"sqs", emulator.WithStage("x")},
		"a streaming HTTP API":                 {emulator.HTTPAPI, emulator.WithStreaming()},
		"a streaming load balancer":            {emulator.ALB, emulator.WithStreaming()},
		"a stage of a function URL":            {emulator.FunctionURL, emulator.WithStage("x")},
		"a base path of a load balancer":       {emulator.ALBMulti, emulator.WithBasePath("x")},
		"an authorizer before a load balancer": {emulator.ALB, authorizer},
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := emulator.FrontDoor(&fake{}, test.source, test.option); err == nil || h != nil {
				t.Errorf("no error: %v", h)
			}
		})
	}
}

func TestParseSource(t *testing.T) {
	for _, want := range emulator.Sources() {
		if got, err := emulator.ParseSource(string(want)); err != nil || got != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	_, err := emulator.ParseSource("lattice")
	const want = `emulator: unknown source "lattice", want one of rest-api, http-api, http-api-v1, alb, alb-multi, function-url`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
