package event_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// FuzzEvent serves any payload. Nothing may panic, an error must be one that can
// be posted, and a response one that the Runtime API accepts.
func FuzzEvent(f *testing.F) {
	for _, kind := range kinds {
		captured, err := os.ReadFile("testdata/" + kind + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(captured)
		f.Add(payload(f, kind, request{method: "POST", target: "/a%2Fb?c=d", body: "\x00\xff", base64: true}))
	}
	for _, s := range []string{
		``, `{}`, `null`, `[]`, `{"Records":[]}`, `{"requestContext":{"elb":{}},"httpMethod":"","path":"%"}`,
		`{"httpMethod":"GET","path":"/\ud800","headers":{"a":["b",null,1,true]},"body":"\u0000","isBase64Encoded":true}`,
		`{"requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"a":[{}]},"scopes":["x"]}}},"cookies":["a",1]}`,
		`{"httpMethod":"G","requestContext":{"identity":{"sourceIp":"::1","userArn":"x"},"authorizer":{"claims":{}}}}`,
		`{"a":` + strings.Repeat("[", 1000), `{"httpMethod":"GET","path":"/","methodArn":1}`,
	} {
		f.Add([]byte(s))
	}
	for _, s := range []string{
		`{"version":"2.0","method":"GET","path":"/a?b=%zz&c#d","headers":{"a":["b",1],"c":"d"},"requestContext":{"serviceArn":"x","identity":{"principal":"p","a":[{}]}}}`,
		`{"version":"2.0","method":"GET","path":"?","requestContext":{"serviceNetworkArn":1,"identity":null}}`,
		`{"raw_path":"?","method":"GET","query_string_parameters":{"a":["b"]},"is_base64_encoded":true,"body":"eA="}`,
		`{"httpMethod":"GET","path":"/","stageVariables":{"a":1},"pathParameters":{"b":"\u0000"},"requestContext":{"stage":"s","resourceId":"r","resourcePath":"/é","identity":{"apiKeyId":"k","clientCert":{"subjectDN":"CN=é","validity":{}}}}}`,
		`{"version":"2.0","requestContext":{"routeKey":"GET /","http":{"method":"GET"},"authentication":{"clientCert":{"clientCertPem":"\n"}}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Add([]byte(agentEvent))
	f.Add([]byte(`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"a":""}},"iam":{"userArn":"x","y":[{}]},"lambda":null}}}`))
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := event.FromContext(r.Context())
		if !ok || info.Source == "" || !strings.HasPrefix(r.URL.Path, "/") || r.RequestURI != r.URL.RequestURI() {
			panic("the request is not complete")
		}
		_, _ = info.PathParameters.Map(), info.StageVariables.Map()
		if info.RequestContext != "" && !strings.HasPrefix(info.RequestContext, "{") {
			panic("the request context is no object")
		}
		for name, values := range r.Header {
			if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), event.HeaderPrefix) {
				panic("a reserved header arrived")
			}
			if name != "Content-Length" { // or the response would be wrong
				w.Header()[name] = values
			}
		}
		_, _ = io.Copy(w, r.Body)
	}), event.WithBasePath("/api"), quiet())
	f.Fuzz(func(t *testing.T, payload []byte) {
		out, err := h.Invoke(t.Context(), payload)
		if err != nil {
			if message := err.Error(); len(message) > 4096 || !utf8.ValidString(message) {
				t.Errorf("the error is %d bytes long: %q", len(message), message)
			}
			return
		}
		checkAnswer(t, out)
		r, err := h.Stream(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		streamed, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if contentType(r) != integrationResponse {
			checkAnswer(t, streamed)
			return
		}
		closeReader(t, r)
		if prelude, _, found := bytes.Cut(streamed, make([]byte, 8)); !found || !json.Valid(prelude) {
			t.Errorf("the stream is %q", streamed)
		}
	})
}

func checkAnswer(t *testing.T, out []byte) {
	t.Helper()
	var answer struct {
		StatusCode *int
		Body       *string
	}
	if err := json.Unmarshal(out, &answer); err != nil || answer.StatusCode == nil || answer.Body == nil || !utf8.Valid(out) {
		t.Fatalf("the answer is %q: %v", out, err)
	}
	if strings.Contains(*answer.Body, `"code":13`) && *answer.StatusCode == 500 {
		t.Errorf("the handler failed: %s", *answer.Body)
	}
	if len(out) > 6_291_556 {
		t.Errorf("the answer has %d bytes", len(out))
	}
}

// FuzzResponse encodes any response of a handler and decodes it again.
func FuzzResponse(f *testing.F) {
	f.Add(200, "Content-Type", "text/plain", []byte("hello"), false)
	f.Add(304, "Set-Cookie", "a=\"b\"; Path=/", []byte("\x00\xff"), true)
	f.Add(599, "X-\u00e4", "\xff\xfe", []byte("\xed\xa0\x80"), true)
	f.Add(999, "X-A", " \r\nX-B: \u2028\x00 ", []byte("\"\\\u2028</script>\x7f"), false)
	f.Add(99, "", "", []byte(nil), false)
	f.Add(101, "Content-Encoding", "gzip", []byte("text"), false)
	f.Add(200, "Content-Length", "3", []byte("text"), true)
	f.Add(200, "Content-Length", "2", []byte("text"), false) // the second Write fails
	f.Add(200, "ConteNt-TYpe", "0", []byte("0"), false)      // beside which net/http sends one of its own
	f.Fuzz(func(t *testing.T, status int, name, value string, body []byte, flushes bool) {
		var written string
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()[name] = []string{value, value}
			w.WriteHeader(status)
			cut := len(body) / 2
			n, _ := w.Write(body[:cut])
			written = string(body[:n])
			n, _ = w.Write(body[cut:])
			written += string(body[cut : cut+n])
			if flushes {
				w.(http.Flusher).Flush()
			}
		}), quiet())
		for _, kind := range kinds {
			p := payload(t, kind, request{target: "/"})
			out, err := h.Invoke(t.Context(), p)
			if err != nil || !json.Valid(out) || !utf8.Valid(out) {
				t.Fatalf("%s: got %q, %v", kind, out, err)
			}
			a := parseAnswer(t, kind, out)
			if a.status == 500 && strings.HasPrefix(a.body, `{"code":13`) {
				continue // an invalid status or length
			}
			canonical := textproto.CanonicalMIMEHeaderKey(name)
			want := written
			if a.status < 200 || a.status == 204 || a.status == 304 {
				want = ""
			} else if canonical != "Content-Length" {
				want = string(body)
			}
			if a.body != want {
				t.Errorf("%s: the body %q became %q, want %q", kind, body, a.body, want)
			}
			clean := textproto.TrimString(strings.NewReplacer("\r", " ", "\n", " ").Replace(value))
			for _, got := range a.header[canonical] {
				if utf8.ValidString(clean) && got != clean && got != clean+", "+clean && !strings.HasPrefix(canonical, "Content-") {
					t.Errorf("%s: the header %q: %q became %q", kind, name, value, got)
				}
				if strings.ContainsAny(got, "\r\n") {
					t.Errorf("%s: the header %q has a line break in it: %q", kind, name, got)
				}
			}
		}
	})
}
