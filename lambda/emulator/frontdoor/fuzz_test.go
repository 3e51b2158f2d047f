package frontdoor_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// FuzzResponse checks that the client gets a final status for any response of the
// function, and the source's own error status if the response is not JSON.
func FuzzResponse(f *testing.F) {
	for _, response := range []string{
		`{"statusCode":200,"headers":{"a":"b","n":1},"body":"x"}`,
		`{"statusCode":"204","multiValueHeaders":{"set-cookie":["a=b"]},"isBase64Encoded":true,"body":"eA=="}`,
		`{"statusCode":200,"cookies":["a=b"]}`, `{"statusCode":null}`, `"x"`, `null`, `[]`, ``, `{`,
		`{"statusCode":200,"headers":{"a\nb":"c\r\nd"," ":""}}`,
	} {
		for i := range frontdoor.Sources() {
			f.Add(i, response)
		}
	}
	f.Fuzz(func(t *testing.T, i int, response string) {
		sources := frontdoor.Sources()
		source := sources[uint(i)%uint(len(sources))]
		h := frontDoor(t, &fake{response: response}, source)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("%s: status %d for %q", source, w.Code, response)
		}
		if !json.Valid([]byte(response)) && w.Code < 500 {
			t.Errorf("%s: status %d for %q, which is not JSON", source, w.Code, response)
		}
	})
}

// FuzzPrelude checks the status and the body for any stream of the function.
func FuzzPrelude(f *testing.F) {
	for _, prelude := range []string{`{"statusCode":201,"headers":{"a":"b"},"cookies":["c=d"]}`, `{}`, `null`, `{"statusCode":"x"}`, ``} {
		f.Add(prelude, "body")
	}
	f.Fuzz(func(t *testing.T, prelude, body string) {
		stream := &emulator.Stream{
			ContentType: emulator.StreamContentType,
			Prelude:     []byte(prelude),
			Body:        io.NopCloser(strings.NewReader(body)),
		}
		w := httptest.NewRecorder()
		frontDoor(t, &fake{stream: stream}, frontdoor.FunctionURL, frontdoor.WithStreaming()).
			ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusBadGateway && w.Body.String() != body {
			t.Errorf("status %d with body %q, want %q", w.Code, w.Body, body)
		}
	})
}

// FuzzRequest checks that any request either fails or becomes an event in JSON.
func FuzzRequest(f *testing.F) {
	for _, wire := range []string{
		"GET /a%2Fb?c=d&e HTTP/1.1\r\nHost: h\r\nCookie: a=b; ;c\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST http://h/%ff?%zz=%zz HTTP/1.1\r\nHost: h\r\nContent-Type: ;\r\nContent-Length: 2\r\n\r\n\xff\x00",
		"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
	} {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		for _, source := range frontdoor.Sources() {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
			if err != nil {
				return
			}
			fn := &fake{response: `{"statusCode":200}`}
			w := httptest.NewRecorder()
			frontDoor(t, fn, source).ServeHTTP(w, r)
			if fn.event != nil && (!json.Valid(fn.event) || w.Code != http.StatusOK) {
				t.Errorf("%s: status %d, event %q", source, w.Code, fn.event)
			}
		}
	})
}
