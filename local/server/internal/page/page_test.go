package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/gen/openapi"
	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/page"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// hostile is text that becomes markup unless it is escaped.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`

// refuse fails with the status that the request asks for.
func refuse(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if r, ok := req.(*testv1.EchoRequest); ok && r.GetId() == "refused" {
		s, err := status.New(codes.PermissionDenied, r.GetText()).WithDetails(&errdetails.ErrorInfo{Reason: r.GetText()})
		if err != nil {
			return nil, err
		}
		_ = grpc.SetHeader(ctx, metadata.Pairs("retry-after", "1"))
		return nil, s.Err()
	}
	return next(ctx, req)
}

// open returns the page of the test services.
func open(t *testing.T, change func(*page.Config)) http.Handler {
	t.Helper()
	r := record.New(service.Bound(testservice.Options()...), "")
	options := append(testservice.Options(), service.WithRPC(), service.WithObserver(r), service.WithUnaryInterceptors(refuse),
		service.WithCORS("*"), service.WithLogger(slog.New(slog.DiscardHandler)))
	s, err := service.New(t.Context(), transport.InProcess(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := page.Config{
		Recorder: r, Services: service.Bound(testservice.Options()...), OpenAPI: []fs.FS{openapi.Documents},
		Handler: r.Handler(s), RPC: true, HTTPAddress: "localhost:8080", GRPCAddress: "localhost:8081",
		Events: page.Events{
			Door: func(fn emulator.Invoker, source frontdoor.Source) (http.Handler, error) {
				return frontdoor.New(fn, source)
			},
			Prefix: func(frontdoor.Source) string { return "" },
			Source: frontdoor.HTTPAPI,
		},
	}
	if change != nil {
		change(&c)
	}
	h, err := page.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// do sends a request with additional headers of the form "name: value".
func do(t *testing.T, h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Host = "localhost:8082"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMethods_ShowsCommands(t *testing.T) {
	body := do(t, open(t, nil), "GET", "/", "").Body.String()
	for _, want := range []string{
		"test.v1.EchoService", "test.v1.EchoRequest", "server stream", "/v1/echo/{id}",
		"curl -N http://localhost:8080/v1/echo/1/stream",
		"grpcurl -plaintext -d &#39;{}&#39; localhost:8081 test.v1.PingService/Ping",
		"buf curl --protocol grpc --http2-prior-knowledge -d &#39;{}&#39; http://localhost:8081/test.v1.PingService/Ping",
		"curl -H &#39;Content-Type: application/json&#39; -d &#39;{}&#39; http://localhost:8080/test.v1.PingService/Ping",
		`data-call="/call/test.v1.EchoService/EchoStream" data-stream`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	off := do(t, open(t, func(c *page.Config) { c.RPC, c.GRPCAddress = false, "" }), "GET", "/", "").Body.String()
	for _, unwanted := range []string{"data-call", "grpcurl", "application/json"} {
		if strings.Contains(off, unwanted) {
			t.Errorf("%q without RPC and gRPC", unwanted)
		}
	}
}

func TestPage_EscapesValues(t *testing.T) {
	h := open(t, nil)
	text, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"7", "refused"} {
		do(t, h, "POST", "/call/v1/echo/"+id+"?x="+strings.ReplaceAll(hostile, " ", "+"), `{"text":`+string(text)+`}`,
			"X-Request-Id: "+hostile, "X-Hostile: "+hostile, "User-Agent: "+hostile, "Content-Type: "+hostile)
	}
	do(t, h, "GET", "/call/"+strings.ReplaceAll(hostile, " ", "%20"), "")
	targets := []string{"/calls?method=" + strings.ReplaceAll(hostile, " ", "+") + "&code=%22%3E%3Cscript%3E", "/calls", "/openapi?document=%22%3E%3Cscript%3E"}
	for _, id := range []string{"1", "2", "3"} {
		for _, source := range frontdoor.Sources() {
			targets = append(targets, "/calls/"+id+"?source="+string(source))
		}
	}
	for _, target := range targets {
		w := do(t, h, "GET", target, "")
		body := w.Body.String()
		for _, bad := range []string{"<script>", "<img", "onerror=alert(2)>'"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q:\n%s", target, bad, body)
			}
		}
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self';") {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
	if body := do(t, h, "GET", "/calls/2", "").Body.String(); strings.Count(body, "&lt;script&gt;") < 4 {
		t.Errorf("the call does not show the request and the response:\n%s", body)
	}
}

func TestPage_MasksSecrets(t *testing.T) {
	h := open(t, nil)
	secrets := []string{"Authorization: hush-1", "Cookie: hush-2", "X-Api-Key: hush-3", "X-Amz-Security-Token: hush-4", "X_Session_Id: hush-5", "X-Lambda-Event-Source: hush-6",
		"X-Original-Url: https://app.example/?page=seen&code_token=hush-8#id_token=hush-9&x=seen", "X-Custom: Bearer hush-10",
		"X-User: eyJhbGciOiJub25lIn0.eyJodXNoIjoxfQ.hush-11", "X-Amz-Pwd: hush-12"}
	do(t, h, "POST", "/call/v1/echo/7?access_token=hush-7&text=seen&sig=hush-13&q=eyJhbGciOiJub25lIn0.eyJodXNoIjoxfQ.hush-14", `{"text":"seen"}`, append(secrets, "X-Other: seen-8")...)
	for _, source := range frontdoor.Sources() {
		body := do(t, h, "GET", "/calls/1?source="+string(source), "").Body.String()
		if strings.Contains(body, "hush") {
			t.Errorf("%s: a secret is shown:\n%s", source, body)
		}
		for _, want := range []string{"seen-8", "(masked)", "access_token=masked", "page=seen", "x=seen"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q:\n%s", source, want, body)
			}
		}
	}
}

// Each level of a body would be a line with two more spaces than the one before.
func TestPage_DeepBodiesStaySmall(t *testing.T) {
	h := open(t, nil)
	const levels = 2000
	for _, open := range []string{`[`, `["]",`, `["\"]",`, `{"a":`} {
		end := map[byte]string{'[': "]", '{': "}"}[open[0]]
		do(t, h, "POST", "/call/v1/echo/7", strings.Repeat(open, levels)+"1"+strings.Repeat(end, levels))
	}
	for _, id := range []string{"1", "2", "3", "4"} {
		if w := do(t, h, "GET", "/calls/"+id, ""); w.Code != 200 || w.Body.Len() > 200_000 {
			t.Errorf("call %s: %d, a page of %d bytes", id, w.Code, w.Body.Len())
		}
	}
}

// early sends status 103 first, and then a response whose headers would loosen the
// page's policy.
type early struct{}

func (early) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Set("Content-Security-Policy", "script-src *")
	w.Header()["access-control-allow-origin"] = []string{"*"}
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<script>alert(1)</script>")
}

func TestPage_ResponsesStaySandboxed(t *testing.T) {
	server := httptest.NewServer(open(t, func(c *page.Config) { c.Handler = early{} }))
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/call/x")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got := answer.Header
	if policy := got.Values("Content-Security-Policy"); len(policy) != 1 || policy[0] != "sandbox; default-src 'none'" {
		t.Errorf("the policy is %q", policy)
	}
	for name := range got {
		if strings.HasPrefix(strings.ToLower(name), "access-control-") {
			t.Errorf("%s is there", name)
		}
	}
}

func TestPage_RefusesOtherHostsAndOrigins(t *testing.T) {
	h := open(t, nil)
	for name, test := range map[string]struct {
		method, target, header string
		want                   int
	}{
		"the page":                                {"GET", "/", "Host: localhost:8082", 200},
		"an address of the loopback":              {"GET", "/", "Host: 127.0.0.1:8082", 200},
		"the loopback of IPv6":                    {"GET", "/", "Host: [::1]:8082", 200},
		"a name that points here":                 {"GET", "/calls", "Host: evil.example:8082", 421},
		"a name that begins like this":            {"GET", "/", "Host: localhost.evil.example", 421},
		"another address":                         {"GET", "/", "Host: 192.0.2.1", 421},
		"no host":                                 {"GET", "/", "Host: ", 421},
		"a call of the page":                      {"GET", "/call/v1/ping", "Sec-Fetch-Site: same-origin", 200},
		"a call from the command line":            {"GET", "/call/v1/ping", "Accept: */*", 200},
		"a call of another site":                  {"GET", "/call/v1/ping", "Sec-Fetch-Site: cross-site", 403},
		"a call of another port":                  {"GET", "/call/v1/ping", "Sec-Fetch-Site: same-site", 403},
		"a post of another site":                  {"POST", "/call/v1/echo/7", "Sec-Fetch-Site: cross-site", 403},
		"a post of another origin":                {"POST", "/call/v1/echo/7", "Origin: http://evil.example", 403},
		"a call that is sent again by another":    {"POST", "/calls/1", "Origin: http://evil.example", 403},
		"a call to the service by an old browser": {"POST", "/call/v1/echo/7", "Origin: http://localhost:8082", 200},
	} {
		if w := do(t, h, test.method, test.target, "{}", test.header); w.Code != test.want {
			t.Errorf("%s: %d, want %d", name, w.Code, test.want)
		}
	}
	others := open(t, func(c *page.Config) { c.AnyAddress = true })
	for host, want := range map[string]int{"192.0.2.1:8082": 200, "[2001:db8::1]:8082": 200, "localhost": 200, "evil.example:8082": 421} {
		if w := do(t, others, "GET", "/", "", "Host: "+host); w.Code != want {
			t.Errorf("%s on a server for more than this machine: %d, want %d", host, w.Code, want)
		}
	}
}

func TestCalls_ResponseCannotUseThePagesOrigin(t *testing.T) {
	h := open(t, func(c *page.Config) {
		c.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Security-Policy", "script-src *")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			fmt.Fprint(w, r.Host, r.URL.Path, r.RequestURI, r.Header.Get("Origin"))
		})
	})
	w := do(t, h, "GET", "/call/a%2Fb?c", "", "Origin: http://localhost:8082", "Sec-Fetch-Site: same-origin")
	if got := w.Body.String(); got != "localhost:8080/a/b/a%2Fb?c" {
		t.Errorf("the handler got %s", got)
	}
	if got := w.Header(); got.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || got.Get("Access-Control-Allow-Origin") != "" || got.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", got)
	}
	// Without the handler: CORS of the services is on.
	if got := do(t, open(t, nil), "GET", "/call/v1/ping", "", "Origin: http://localhost:8082", "Sec-Fetch-Site: same-origin").Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin: %s", got)
	}
}

func TestCalls_FilterAndETag(t *testing.T) {
	h := open(t, nil)
	do(t, h, "GET", "/call/v1/ping", "")
	do(t, h, "GET", "/call/v1/echo/7/stream?count=-1", "")
	for query, want := range map[string][2]bool{ // whether ping and the stream are there
		"":                       {true, true},
		"?method=PINGSERVICE":    {true, false},
		"?code=failed":           {false, true},
		"?code=InvalidArgument":  {false, true},
		"?code=OK":               {true, false},
		"?method=ping&code=None": {false, false},
	} {
		body := do(t, h, "GET", "/calls"+query, "").Body.String()
		if got := [2]bool{strings.Contains(body, `href="/calls/1"`), strings.Contains(body, `href="/calls/2"`)}; got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	tag := do(t, h, "GET", "/calls", "").Header().Get("ETag")
	if w := do(t, h, "GET", "/calls", "", "If-None-Match: "+tag); w.Code != http.StatusNotModified {
		t.Errorf("nothing has changed: %d", w.Code)
	}
	do(t, h, "GET", "/call/v1/ping", "")
	w := do(t, h, "GET", "/calls", "", "If-None-Match: "+tag)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Latency of 2 calls") {
		t.Errorf("after a call: %d %s", w.Code, w.Body)
	}
	if w := do(t, h, "GET", "/calls/4", ""); w.Code != http.StatusNotFound {
		t.Errorf("a call that is not there: %d", w.Code)
	}
}

// function responds to every event and keeps the last one.
type function struct{ event string }

func (f *function) Do(_ context.Context, r emulator.Request) (emulator.Response, error) {
	f.event = string(r.Payload)
	return emulator.Response{Payload: []byte(`{"statusCode":418,"headers":{"content-type":"text/plain"},"body":"of the function"}`)}, nil
}

func (f *function) Stream(context.Context, emulator.Request) (*emulator.Stream, error) {
	return nil, errors.New("not streamed")
}

func TestEvent_EverySource(t *testing.T) {
	fn := &function{}
	h := open(t, func(c *page.Config) { c.Events.Function = fn })
	do(t, h, "POST", "/call/v1/echo/7", `{"text":"hello"}`, "Content-Type: application/json", "Authorization: hush")
	for source, want := range map[frontdoor.Source]string{
		frontdoor.RESTAPI: `"httpMethod": "POST"`, frontdoor.HTTPAPI: `"rawPath": "/v1/echo/7"`, frontdoor.HTTPAPIv1: `"version": "1.0"`,
		frontdoor.ALB: `"elb"`, frontdoor.ALBMulti: `"multiValueHeaders"`, frontdoor.FunctionURL: `lambda-url`,
	} {
		target := "/calls/1?source=" + string(source)
		shown := strings.ReplaceAll(do(t, h, "GET", target, "").Body.String(), "&#34;", `"`)
		if !strings.Contains(shown, want) || strings.Contains(shown, "hush") {
			t.Errorf("%s:\n%s", source, shown)
		}
		fn.event = ""
		sent := do(t, h, "POST", target, "")
		for _, part := range []string{"418", "of the function", "Response to the call", "hello"} {
			if !strings.Contains(sent.Body.String(), part) {
				t.Errorf("%s: no %q:\n%s", source, part, sent.Body)
			}
		}
		if sent.Code != 200 || !strings.Contains(fn.event, "hush") {
			t.Errorf("%s: %d, the function got %s", source, sent.Code, fn.event)
		}
	}
}

func TestEvent_WithoutAFunction(t *testing.T) {
	h := open(t, nil)
	do(t, h, "GET", "/call/v1/ping", "")
	if w := do(t, h, "POST", "/calls/1", ""); w.Code != http.StatusConflict {
		t.Errorf("%d", w.Code)
	}
}

func TestEvent_BodyThatIsNotKept(t *testing.T) {
	fn := &function{}
	h := open(t, func(c *page.Config) { c.Events.Function = fn })
	do(t, h, "POST", "/call/v1/echo/7", `{"text":"`+strings.Repeat("x", record.MaxPart)+`"}`)
	if body := do(t, h, "GET", "/calls/1", "").Body.String(); !strings.Contains(body, "There is no event") {
		t.Error(body)
	}
	if w := do(t, h, "POST", "/calls/1", ""); w.Code != http.StatusConflict || fn.event != "" {
		t.Errorf("%d, %s", w.Code, fn.event)
	}
}

func TestOpenAPI_DocumentsCallThePage(t *testing.T) {
	documents := fstest.MapFS{
		"two.json":   {Data: []byte(`{"swagger":"2.0","host":"a.example","schemes":["https"],"basePath":"/x","paths":{}}`)},
		"not.yaml":   {Data: []byte("openapi: 3.1.0")},
		"three.json": {Data: []byte(`{"openapi":"3.1.0","servers":[{"url":"https://a.example"}],"paths":{}}`)},
	}
	h := open(t, func(c *page.Config) { c.OpenAPI, c.Prefix = []fs.FS{documents}, "/dev" })
	for name, want := range map[string]string{
		"two.json":   `{"basePath":"/call/dev","paths":{},"swagger":"2.0"}`,
		"three.json": `{"openapi":"3.1.0","paths":{},"servers":[{"url":"/call/dev"}]}`,
	} {
		if got := do(t, h, "GET", "/openapi/"+name, "").Body.String(); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if w := do(t, h, "GET", "/openapi/not.yaml", ""); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
	for _, gzipped := range []string{"gzip", "identity"} {
		w := do(t, h, "GET", "/viewer/swagger-ui.css", "", "Accept-Encoding: "+gzipped)
		if w.Code != 200 || (w.Header().Get("Content-Encoding") == "gzip") != (gzipped == "gzip") || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("%s: %d %v", gzipped, w.Code, w.Header())
		}
	}
	for name, data := range map[string]string{"no JSON": "openapi: 3", "no document": "{}"} {
		_, err := page.New(page.Config{Recorder: record.New(nil, ""), Handler: http.NotFoundHandler(), OpenAPI: []fs.FS{fstest.MapFS{"bad.json": {Data: []byte(data)}}}})
		if err == nil || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
