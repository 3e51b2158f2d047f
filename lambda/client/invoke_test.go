package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// The function gets the request, and the client gets the response.
func TestInvokeTransport(t *testing.T) {
	var seen *http.Request
	var body []byte
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header()["X-Many"] = []string{"1", "2"}
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte{0xff, 0x00})
	}))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://orders/a%2Fb/c?x=%20y&x=z", strings.NewReader("\x00\xfe"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Add("X-Sent", "1")
	r.Header.Add("X-Sent", "2")
	response, err := client.InvokeTransport(h.Invoke).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Method != http.MethodPut || seen.Host != "orders" || seen.RequestURI != "/a%2Fb/c?x=%20y&x=z" || seen.Header.Get("X-Sent") != "1,2" || string(body) != "\x00\xfe" {
		t.Errorf("the function saw %s %s at %s, %v, %q", seen.Method, seen.RequestURI, seen.Host, seen.Header, body)
	}
	if response.StatusCode != http.StatusTeapot || string(answer) != "\xff\x00" || len(response.Cookies()) != 2 || response.Header.Get("X-Many") != "1, 2" {
		t.Errorf("%d, %v, %q", response.StatusCode, response.Header, answer)
	}
}

func TestInvokeTransport_Failures(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		err    error
		want   string
	}{
		"an error of the call":      {"", errors.New("throttled"), "throttled"},
		"a function that failed":    {`{"errorType":"Runtime.ExitError","errorMessage":"exit status 2"}`, nil, "Runtime.ExitError: exit status 2"},
		"no JSON":                   {`hello`, nil, "not an HTTP response"},
		"JSON of another kind":      {`{"ok":true}`, nil, "statusCode"},
		"a status that is none":     {`{"statusCode":7}`, nil, "statusCode"},
		"a body that is not base64": {`{"statusCode":200,"body":"%","isBase64Encoded":true}`, nil, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := client.InvokeTransport(func(context.Context, []byte) ([]byte, error) { return []byte(test.answer), test.err })
			use(t, "https://function", func(t *testing.T, conn *client.Conn) {
				_, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{})
				if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want Unavailable with %q", err, test.want)
				}
			}, client.WithRoundTripper(rt))
		})
	}
}

// FuzzInvokeTransport checks that no payload makes the transport panic or return
// a response that cannot be read.
func FuzzInvokeTransport(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b"},"multiValueHeaders":{"c":["d"]},"cookies":["e=f"],"body":"aGk=","isBase64Encoded":true}`))
	f.Add([]byte(`{"errorMessage":"x"}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		rt := client.InvokeTransport(func(context.Context, []byte) ([]byte, error) { return answer, nil })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://x", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := rt.RoundTrip(r)
		if (response == nil) == (err == nil) {
			t.Fatalf("%v and %v", response, err)
		}
		if err == nil {
			if n, err := io.Copy(io.Discard, response.Body); err != nil || n != response.ContentLength || response.StatusCode < 100 {
				t.Errorf("%d of %d bytes, status %d, %v", n, response.ContentLength, response.StatusCode, err)
			}
		}
	})
}
