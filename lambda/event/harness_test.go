package event_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// kinds are the kinds of events: the sources, with two kinds for the load
// balancer. Each has a captured event in testdata, except VPC Lattice, whose events
// follow its documentation.
var kinds = []string{"rest-api", "http-api", "http-api-v1", "alb", "alb-multi", "function-url", "vpc-lattice", "vpc-lattice-v1"}

// request is an HTTP request as a client makes it.
type request struct {
	method  string // GET if empty
	target  string // path and query, encoded
	header  http.Header
	cookies []string
	body    string
	base64  bool // carry the body encoded, whatever it is
}

// payload returns the event that a source of that kind makes of r, as AWS
// documents it. It replaces the headers, query and body of the captured event and
// then calls adjust.
func payload(t testing.TB, kind string, r request, adjust ...func(map[string]any)) []byte {
	t.Helper()
	captured, err := os.ReadFile("testdata/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(captured, &e); err != nil {
		t.Fatal(err)
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	path, query, _ := strings.Cut(r.target, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path
	}
	header := http.Header{"Host": {"api.example.com"}}
	maps.Copy(header, r.header)
	if len(r.cookies) > 0 && kind != "http-api" {
		header["Cookie"] = []string{strings.Join(r.cookies, "; ")}
	}
	e["body"], e["isBase64Encoded"] = nil, false
	if r.body != "" {
		e["body"] = r.body
	}
	if r.base64 {
		e["body"], e["isBase64Encoded"] = base64.StdEncoding.EncodeToString([]byte(r.body)), true
	}
	switch kind {
	case "vpc-lattice", "vpc-lattice-v1":
		payloadLattice(e, kind, r, header)
	case "http-api", "function-url":
		payloadV2(e, kind, r, path, decoded, query, header)
	default:
		payloadV1(e, kind, r, path, decoded, query, header)
	}
	for _, f := range adjust {
		f(e)
	}
	if kind == "vpc-lattice-v1" {
		e["is_base64_encoded"] = e["isBase64Encoded"]
		delete(e, "isBase64Encoded")
	}
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func payloadV2(e map[string]any, kind string, r request, path, decoded, query string, header http.Header) {
	delete(e, "cookies")
	if len(r.cookies) > 0 {
		e["cookies"] = r.cookies
	}
	ctx := e["requestContext"].(map[string]any)
	delete(ctx, "authorizer")
	ctx["stage"] = "$default"
	ctx["http"].(map[string]any)["method"] = r.method
	ctx["http"].(map[string]any)["path"] = decoded
	e["rawPath"], e["rawQueryString"] = path, query
	if kind == "http-api" {
		e["rawPath"] = decoded
	}
	joined := map[string]string{}
	for name, values := range header {
		joined[strings.ToLower(name)] = strings.Join(values, ",")
	}
	e["headers"] = joined
	delete(e, "queryStringParameters")
}

func payloadLattice(e map[string]any, kind string, r request, header http.Header) {
	e["method"] = r.method
	single, multi := map[string]string{}, map[string][]string{}
	for name, values := range header {
		name = strings.ToLower(name)
		single[name], multi[name] = strings.Join(values, ","), values
	}
	if kind == "vpc-lattice" {
		e["path"], e["headers"] = r.target, multi
		delete(e["requestContext"].(map[string]any)["identity"].(map[string]any), "principal")
		delete(e, "queryStringParameters")
		return
	}
	e["raw_path"], e["headers"] = r.target, single
	delete(e, "query_string_parameters")
}

func payloadV1(e map[string]any, kind string, r request, path, decoded, query string, header http.Header) {
	e["httpMethod"], e["path"] = r.method, path
	balancer := strings.HasPrefix(kind, "alb")
	if !balancer {
		ctx := e["requestContext"].(map[string]any)
		delete(ctx, "authorizer")
		if kind == "http-api-v1" {
			e["path"], ctx["stage"] = decoded, "$default"
		}
	}
	single, multi := map[string]string{}, map[string][]string{}
	for name, values := range header {
		if balancer {
			name = strings.ToLower(name)
		}
		single[name], multi[name] = values[len(values)-1], values
	}
	one, many := map[string]string{}, map[string][]string{}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if !balancer {
			key, _ = url.QueryUnescape(key)
			value, _ = url.QueryUnescape(value)
		}
		if query != "" {
			one[key] = value
			many[key] = append(many[key], value)
		}
	}
	for _, field := range []string{"headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"} {
		delete(e, field)
	}
	if kind != "alb-multi" {
		e["headers"], e["queryStringParameters"] = single, one
	}
	if kind != "alb" {
		e["multiValueHeaders"], e["multiValueQueryStringParameters"] = multi, many
	}
}

// answer is a response to an event, and what a client sees of it.
type answer struct {
	fields []string // the names of the JSON object's members
	status int
	header http.Header
	body   string
	base64 bool
	broken bool // it was streamed and broke off
}

// readFrom is the field of a response in which a source expects headers.
var readFrom = map[string]string{
	"rest-api": "multiValueHeaders", "http-api-v1": "multiValueHeaders", "alb-multi": "multiValueHeaders",
	"http-api": "headers", "function-url": "headers", "alb": "headers", "vpc-lattice": "headers", "vpc-lattice-v1": "headers",
}

// parseAnswer reads a response as the source of that kind does. It ignores the
// fields of other sources.
func parseAnswer(t testing.TB, kind string, out []byte) answer {
	t.Helper()
	var raw struct {
		StatusCode        int                 `json:"statusCode"`
		Headers           json.RawMessage     `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Cookies           []string            `json:"cookies"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(out, &members); err != nil {
		t.Fatalf("the answer is not a JSON object: %v\n%s", err, out)
	}
	if err := json.Unmarshal(out, &raw); err != nil {
		t.Fatalf("the answer is malformed: %v\n%s", err, out)
	}
	a := answer{fields: slices.Sorted(maps.Keys(members)), status: raw.StatusCode, header: http.Header{}, body: raw.Body, base64: raw.IsBase64Encoded}
	if readFrom[kind] == "headers" {
		raw.MultiValueHeaders = nil
	} else {
		raw.Headers = nil
	}
	if kind != "http-api" && kind != "function-url" {
		raw.Cookies = nil
	}
	for name, values := range raw.MultiValueHeaders {
		for _, v := range values {
			a.header.Add(name, v)
		}
	}
	if len(raw.Headers) > 0 {
		single := map[string]string{}
		if err := json.Unmarshal(raw.Headers, &single); err != nil {
			t.Fatalf("the headers are malformed: %v\n%s", err, out)
		}
		for _, name := range slices.Sorted(maps.Keys(single)) {
			a.header.Add(name, single[name])
		}
	}
	for _, c := range raw.Cookies {
		a.header.Add("Set-Cookie", c)
	}
	if a.base64 {
		b, err := base64.StdEncoding.DecodeString(a.body)
		if err != nil {
			t.Fatalf("the body is not base64: %v", err)
		}
		a.body = string(b)
	}
	return a
}

// invoke sends an event to a handler and returns the response.
func invoke(t testing.TB, h *event.Handler, kind string, payload []byte) answer {
	t.Helper()
	out, err := h.Invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return parseAnswer(t, kind, out)
}

// stream is invoke for a streamed response.
func stream(t testing.TB, h *event.Handler, kind string, payload []byte) answer {
	t.Helper()
	r, err := h.Stream(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	defer closeReader(t, r)
	out, err := io.ReadAll(r)
	prelude, body, found := bytes.Cut(out, make([]byte, 8))
	if !found {
		t.Fatalf("the answer has no prelude: %q, %v", out, err)
	}
	a := parseAnswer(t, kind, prelude)
	a.body, a.broken = string(body), err != nil
	return a
}

func closeReader(t testing.TB, r io.Reader) {
	t.Helper()
	if err := r.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
}

// seen returns the handler's request for an event, and its body.
func seen(t testing.TB, kind string, payload []byte, options ...event.Option) (*http.Request, string) {
	t.Helper()
	var r *http.Request
	var body []byte
	h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r = req
		body, _ = io.ReadAll(req.Body)
	}), options...)
	if a := invoke(t, h, kind, payload); r == nil {
		t.Fatalf("the handler was not called; the answer is %d %s", a.status, a.body)
	}
	return r, string(body)
}

// logged returns an option that collects the log, and the log.
func logged() (event.Option, *bytes.Buffer) {
	var buf bytes.Buffer
	return event.WithLogger(slog.New(slog.NewTextHandler(&buf, nil))), &buf
}

func quiet() event.Option { return event.WithLogger(slog.New(slog.DiscardHandler)) }

// each runs a test for each kind of event except some.
func each(t *testing.T, f func(t *testing.T, kind string), except ...string) {
	for _, kind := range kinds {
		if !slices.Contains(except, kind) {
			t.Run(kind, func(t *testing.T) { f(t, kind) })
		}
	}
}
