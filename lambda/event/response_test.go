package event_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

func TestResponse_HasExactlyTheFieldsOfTheSource(t *testing.T) {
	common := []string{"body", "isBase64Encoded", "statusCode"}
	fields := map[string][]string{
		"rest-api":     {"multiValueHeaders"},
		"http-api-v1":  {"multiValueHeaders"},
		"http-api":     {"headers"},
		"function-url": {"headers"},
		"alb":          {"headers", "statusDescription"},
		"vpc-lattice":  {"headers"}, "vpc-lattice-v1": {"headers"},
		"alb-multi": {"multiValueHeaders", "statusDescription"},
	}
	each(t, func(t *testing.T, kind string) {
		for name, next := range map[string]http.HandlerFunc{
			"a body":       func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
			"bytes":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff}) },
			"nothing":      func(http.ResponseWriter, *http.Request) {},
			"no content":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
			"some cookies": func(w http.ResponseWriter, _ *http.Request) { cookies(w, 2) },
			"a failure":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			want := slices.Concat(common, fields[kind])
			if name == "some cookies" && (kind == "http-api" || kind == "function-url") {
				want = append(want, "cookies")
			}
			slices.Sort(want)
			a := invoke(t, event.NewHandler(next), kind, payload(t, kind, request{target: "/"}))
			if diff := cmp.Diff(want, a.fields); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestResponse_CookiesAreNotJoined(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		for _, n := range []int{1, 3, 200} {
			h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { cookies(w, n) }))
			a := invoke(t, h, kind, payload(t, kind, request{target: "/"}))
			got := a.header["Set-Cookie"]
			slices.Sort(got)
			var want []string
			for i := range n {
				want = append(want, fmt.Sprintf(`c%d="a,b"; Path=/`, i))
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d cookies: (-want +got):\n%s", n, diff)
			}
		}
	})
}

func TestSeveralValuesOfAHeader(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Vary"] = []string{"Origin", " Accept\r\n"}
		}))
		want := []string{"Origin", "Accept"}
		if readFrom[kind] == "headers" {
			want = []string{"Origin, Accept"}
		}
		if got := invoke(t, h, kind, payload(t, kind, request{target: "/"})).header["Vary"]; !cmp.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestResponse_BodyIsInBase64IfNecessary(t *testing.T) {
	tests := map[string]struct {
		body    string
		coding  string
		encoded bool
	}{
		"text is text":                     {body: "hello, \"world\" \\ \u2028 € 😀 \x00\x1f\x7f"},
		"nothing is text":                  {},
		"bytes are encoded":                {body: "\x00\x01\xff", encoded: true},
		"a cut rune is not text":           {body: "€"[:2], encoded: true},
		"a surrogate is not text":          {body: "\xed\xa0\x80", encoded: true},
		"something compressed is encoded":  {body: "by chance text", coding: "br", encoded: true},
		"what is not compressed after all": {body: "text", coding: "identity"},
		"nothing compressed is nothing":    {coding: "gzip"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/plain") // which decides nothing
					if tt.coding != "" {
						w.Header().Set("Content-Encoding", tt.coding)
					}
					_, _ = io.WriteString(w, tt.body)
				}))
				a := invoke(t, h, kind, payload(t, kind, request{target: "/"}))
				if a.body != tt.body || a.base64 != tt.encoded || a.status != 200 {
					t.Errorf("got %d %q, encoded: %v; want %q, encoded: %v", a.status, a.body, a.base64, tt.body, tt.encoded)
				}
			})
		})
	}
}

func TestStatusDescription(t *testing.T) {
	for status, want := range map[int]string{200: "200 OK", 404: "404 Not Found", 299: "299 status code 299"} {
		for _, kind := range []string{"alb", "alb-multi"} {
			h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			out, err := h.Invoke(t.Context(), payload(t, kind, request{target: "/"}))
			var got struct{ StatusDescription string }
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			if err != nil || got.StatusDescription != want {
				t.Errorf("%s: got %q, %v, want %q", kind, got.StatusDescription, err, want)
			}
		}
	}
}

func TestHeadKeepsTheLength(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { sized(w, "5", "hello") }))
		a := invoke(t, h, kind, payload(t, kind, request{method: "HEAD", target: "/"}))
		if a.body != "" || a.header.Get("Content-Length") != "5" {
			t.Errorf("got %q, %v", a.body, a.header)
		}
		a = invoke(t, h, kind, payload(t, kind, request{method: "GET", target: "/"}))
		if a.body != "hello" || a.header.Get("Content-Length") != "" {
			t.Errorf("got %q, %v", a.body, a.header)
		}
	})
}

// TestServerStreamArrivesWhole writes as grpc-gateway does for a server stream:
// a flush of the header, then messages with a flush after each.
func TestServerStreamArrivesWhole(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		var want strings.Builder
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.(http.Flusher).Flush()
			for i := range 3 {
				message := fmt.Sprintf("{\"result\":{\"count\":%d}}\n", i)
				want.WriteString(message)
				_, _ = io.WriteString(w, message)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
		}))
		a := invoke(t, h, kind, payload(t, kind, request{target: "/"}))
		if a.status != 200 || a.body != want.String() || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("got %d %q", a.status, a.body)
		}
	})
}
