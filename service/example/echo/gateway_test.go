package echo_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
)

// newGateway returns the generated gateway on an echo.Service in memory.
func newGateway(t *testing.T) http.Handler {
	t.Helper()
	mux := runtime.NewServeMux()
	if err := examplev1.RegisterEchoServiceHandlerClient(t.Context(), mux, dial(t)); err != nil {
		t.Fatal(err)
	}
	return mux
}

// serve sends a request to handler, without a body if body is empty.
func serve(t *testing.T, handler http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
	return recorder
}

// response returns the JSON of a response with the given fields and defaults
// for the others. It is decoded, since the white space of protojson varies
// between builds.
func response(fields map[string]any) map[string]any {
	all := map[string]any{
		"id": "", "text": "", "tags": []any{}, "number": "0", "data": "", "time": nil, "nested": nil,
	}
	maps.Copy(all, fields)
	return all
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return value
}

func TestEchoOverHTTP(t *testing.T) {
	handler := newGateway(t)
	for name, test := range map[string]struct {
		method, target, body string
		want                 map[string]any
	}{
		"a path parameter": {
			http.MethodGet, "/v1/echo/7", "", response(map[string]any{"id": "7"}),
		},
		"a path parameter that is percent-encoded": {
			http.MethodGet, "/v1/echo/a%20%C5%BE", "", response(map[string]any{"id": "a ž"}),
		},
		"a query parameter": {
			http.MethodGet, "/v1/echo/7?text=a%2Bb+c%26", "", response(map[string]any{"id": "7", "text": "a+b c&"}),
		},
		"a query parameter that is repeated": {
			http.MethodGet, "/v1/echo/7?tags=b&tags=a&tags=&tags=a,b", "",
			response(map[string]any{"id": "7", "tags": []any{"b", "a", "", "a,b"}}),
		},
		"the largest 64-bit integer in a query": {
			http.MethodGet, "/v1/echo/7?number=9223372036854775807", "",
			response(map[string]any{"id": "7", "number": "9223372036854775807"}),
		},
		"bytes in a query are base64": {
			http.MethodGet, "/v1/echo/7?data=AP8K%2Bw==", "", response(map[string]any{"id": "7", "data": "AP8K+w=="}),
		},
		"bytes in a query may be base64 for URLs": {
			http.MethodGet, "/v1/echo/7?data=AP8K-w==", "", response(map[string]any{"id": "7", "data": "AP8K+w=="}),
		},
		"a timestamp in a query, answered in UTC": {
			http.MethodGet, "/v1/echo/7?time=2026-01-02T03:04:05.5%2B01:00", "",
			response(map[string]any{"id": "7", "time": "2026-01-02T02:04:05.500Z"}),
		},
		"fields of a nested message in a query": {
			http.MethodGet, "/v1/echo/7?nested.name=x&nested.count=-3", "",
			response(map[string]any{"id": "7", "nested": map[string]any{"name": "x", "count": -3.}}),
		},
		"the path counts, not a query parameter of the same name": {
			http.MethodGet, "/v1/echo/7?id=8", "", response(map[string]any{"id": "7"}),
		},
		"a body with every field": {
			http.MethodPost, "/v1/echo/7", `{"text":"žluť","tags":["b","a"],"number":"-9223372036854775808","data":"AP8K+w==",
				"time":"2026-01-02T03:04:05Z","nested":{"name":"x","count":-3}}`,
			response(map[string]any{
				"id": "7", "text": "žluť", "tags": []any{"b", "a"}, "number": "-9223372036854775808", "data": "AP8K+w==",
				"time": "2026-01-02T03:04:05Z", "nested": map[string]any{"name": "x", "count": -3.},
			}),
		},
		"a 64-bit integer in a body may be a number": {
			http.MethodPost, "/v1/echo/7", `{"number":9007199254740993}`,
			response(map[string]any{"id": "7", "number": "9007199254740993"}),
		},
		"the path counts, not the body": {
			http.MethodPost, "/v1/echo/7", `{"id":"8"}`, response(map[string]any{"id": "7"}),
		},
		"an empty message in a body is not an absent one": {
			http.MethodPost, "/v1/echo/7", `{"nested":{}}`,
			response(map[string]any{"id": "7", "nested": map[string]any{"name": "", "count": 0.}}),
		},
		"a POST takes nothing from the query": {
			http.MethodPost, "/v1/echo/7?text=x", `{}`, response(map[string]any{"id": "7"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := serve(t, handler, test.method, test.target, test.body)
			if recorder.Code != http.StatusOK {
				t.Fatalf("status %d, want %d: %s", recorder.Code, http.StatusOK, recorder.Body)
			}
			if got := recorder.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q, want %q", got, "application/json")
			}
			if diff := cmp.Diff(test.want, decode(t, recorder.Body.String())); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTTPRequestsThatCannotBeMapped(t *testing.T) {
	handler := newGateway(t)
	for name, test := range map[string]struct {
		method, target, body string
		status               int
		message              string // what the message has to name
	}{
		"a number that is none":           {http.MethodGet, "/v1/echo/7?number=x", "", http.StatusBadRequest, "number"},
		"a number beyond 64 bits":         {http.MethodGet, "/v1/echo/7?number=9223372036854775808", "", http.StatusBadRequest, "number"},
		"bytes that are not base64":       {http.MethodGet, "/v1/echo/7?data=!", "", http.StatusBadRequest, "data"},
		"a timestamp that is none":        {http.MethodGet, "/v1/echo/7?time=today", "", http.StatusBadRequest, "time"},
		"two values where one is due":     {http.MethodGet, "/v1/echo/7?text=a&text=b", "", http.StatusBadRequest, "text"},
		"a body that is cut short":        {http.MethodPost, "/v1/echo/7", `{"text":`, http.StatusBadRequest, "unexpected"},
		"a body of the wrong type":        {http.MethodPost, "/v1/echo/7", `{"tags":"a"}`, http.StatusBadRequest, `"a"`},
		"no id":                           {http.MethodGet, "/v1/echo", "", http.StatusNotFound, "Not Found"},
		"a method that is not mapped":     {http.MethodDelete, "/v1/echo/7", "", http.StatusNotImplemented, "Method Not Allowed"},
		"an interval without a unit":      {http.MethodGet, "/v1/echo/7/stream?interval=100", "", http.StatusBadRequest, "interval"},
		"an interval out of bounds":       {http.MethodGet, "/v1/echo/7/stream?interval=11s", "", http.StatusBadRequest, "interval: 11s is outside 0s to 10s"},
		"a negative interval":             {http.MethodGet, "/v1/echo/7/stream?interval=-1ms", "", http.StatusBadRequest, "interval: -1ms is outside 0s to 10s"},
		"a count out of bounds":           {http.MethodGet, "/v1/echo/7/stream?count=1001", "", http.StatusBadRequest, "count: 1001 is outside 0 to 1000"},
		"a count beyond 32 bits":          {http.MethodGet, "/v1/echo/7/stream?count=2147483648", "", http.StatusBadRequest, "count"},
		"a stream by a method not mapped": {http.MethodPut, "/v1/echo/7/stream", "", http.StatusNotImplemented, "Method Not Allowed"},
		"a path with more than is mapped": {http.MethodGet, "/v1/echo/7/stream/x", "", http.StatusNotFound, "Not Found"},
		"text for a nested message":       {http.MethodGet, "/v1/echo/7?nested=x", "", http.StatusBadRequest, "nested"},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := serve(t, handler, test.method, test.target, test.body)
			if recorder.Code != test.status {
				t.Errorf("status %d, want %d", recorder.Code, test.status)
			}
			answer := decode(t, recorder.Body.String())
			// In a stream, an error is under the key "error", and a message under "result".
			if nested, ok := answer["error"].(map[string]any); ok {
				answer = nested
			}
			message, _ := answer["message"].(string)
			if !strings.Contains(message, test.message) {
				t.Errorf("message %q does not name %q", message, test.message)
			}
		})
	}
}

func TestStreamOverHTTP(t *testing.T) {
	handler := newGateway(t)
	for name, test := range map[string]struct {
		target string
		count  int
	}{
		"no message without a count":              {"/v1/echo/7/stream", 0},
		"messages at once":                        {"/v1/echo/7/stream?count=3", 3},
		"messages an interval apart, in ms":       {"/v1/echo/7/stream?count=2&interval=1ms", 2},
		"an interval with a fraction, in seconds": {"/v1/echo/7/stream?count=2&interval=0.001s", 2},
		"one message, whatever the interval":      {"/v1/echo/7/stream?count=1&interval=100ms", 1},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := serve(t, handler, http.MethodGet, test.target, "")
			if recorder.Code != http.StatusOK {
				t.Fatalf("status %d, want %d: %s", recorder.Code, http.StatusOK, recorder.Body)
			}
			sequence := 0
			for lines := bufio.NewScanner(recorder.Body); lines.Scan(); {
				sequence++
				want := map[string]any{"result": map[string]any{"id": "7", "sequence": float64(sequence)}}
				if diff := cmp.Diff(want, decode(t, lines.Text())); diff != "" {
					t.Errorf("line %d (-want +got):\n%s", sequence, diff)
				}
			}
			if sequence != test.count {
				t.Errorf("%d messages, want %d", sequence, test.count)
			}
		})
	}
}
