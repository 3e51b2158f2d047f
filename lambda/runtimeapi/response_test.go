package runtimeapi_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

const responseLimit = 100

func TestReadResponse(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, tt := range map[string]struct {
		text string
		want runtimeapi.Response
	}{
		"a body of known length":             {ok + "Content-Length: 2\r\n\r\nabc", runtimeapi.Response{Body: "ab", Buffered: "c"}},
		"a length that is said twice":        {ok + "Content-Length: 1\r\ncontent-length: 1\r\n\r\na", runtimeapi.Response{Body: "a"}},
		"chunks":                             {ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n1;x=y\r\nb\r\n0\r\n\r\nc", runtimeapi.Response{Body: "ab", Buffered: "c"}},
		"chunks with trailers":               {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\nc", runtimeapi.Response{Body: "a", Buffered: "c"}},
		"chunks and a length":                {ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", runtimeapi.Response{Body: "a"}},
		"a body up to the end":               {ok + "\r\nabc", runtimeapi.Response{Body: "abc", Last: true}},
		"the end of the connection":          {ok + "Connection: x, Close\r\nContent-Length: 1\r\n\r\na", runtimeapi.Response{Body: "a", Last: true}},
		"HTTP/1.0":                           {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", runtimeapi.Response{Body: "a", Last: true}},
		"no body":                            {"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", runtimeapi.Response{Status: "204 No Content"}},
		"no reason":                          {"HTTP/1.1 202 \r\nContent-Length: 0\r\n\r\n", runtimeapi.Response{Status: "202 "}},
		"lines without a carriage return":    {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", runtimeapi.Response{Body: "a"}},
		"informational responses before":     {"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", runtimeapi.Response{}},
		"a field in another case and spaces": {ok + "Content-Length: 0\r\nx-FIELD:\t a b \r\nX-Field: c\r\n\r\n", runtimeapi.Response{Header: map[string]string{"X-Field": "a b"}}},
		"a long field": {
			ok + "Content-Length: 0\r\nX-Field: " + strings.Repeat("x", 40_000) + "\r\n\r\n",
			runtimeapi.Response{Header: map[string]string{"X-Field": strings.Repeat("x", 40_000)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.want.Status == "" {
				tt.want.Status = "200 OK"
			}
			if tt.want.Header == nil {
				tt.want.Header = map[string]string{"X-Field": ""}
			}
			got, err := runtimeapi.ReadResponse(tt.text, responseLimit, "X-Field")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			compareWithNetHTTP(t, tt.text, got, "X-Field")
		})
	}
}

func TestReadResponse_RefusesMalformedOnes(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, text := range map[string]string{
		"nothing":                            "",
		"another protocol":                   "SSH-2.0-x\r\n\r\n",
		"another version":                    "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"no status":                          "HTTP/1.1\r\n\r\n",
		"a status of two digits":             "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"a status with a sign":               "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n",
		"a status below 100":                 "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
		"a head that ends":                   ok + "Content-Length: 0\r\n",
		"a line without a colon":             ok + "Content-Length\r\n\r\n",
		"a name with a space":                ok + "Content-Length : 0\r\n\r\n",
		"a continued line":                   ok + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
		"a NUL byte":                         ok + "X: a\x00b\r\nContent-Length: 0\r\n\r\n",
		"a carriage return":                  ok + "X: a\rb\r\nContent-Length: 0\r\n\r\n",
		"a negative length":                  ok + "Content-Length: -1\r\n\r\n",
		"a length with a sign":               ok + "Content-Length: +1\r\n\r\na",
		"a length that is too large":         ok + "Content-Length: 99999999999999999999\r\n\r\n",
		"two lengths":                        ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"a body that is too long":            ok + "Content-Length: 101\r\n\r\n" + strings.Repeat("x", 101),
		"a body that ends":                   ok + "Content-Length: 2\r\n\r\na",
		"an encoding that is not chunked":    ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"chunks of HTTP/1.0":                 "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks that are too long":           ok + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + strings.Repeat("x", 101) + "\r\n0\r\n\r\n",
		"chunks that end":                    ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
		"trailers that end":                  ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n",
		"a chunk's length that is no number": ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
	} {
		if got, err := runtimeapi.ReadResponse(text, responseLimit); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

// compareWithNetHTTP compares what was read of a text with what net/http reads.
func compareWithNetHTTP(t *testing.T, text string, got runtimeapi.Response, fields ...string) {
	t.Helper()
	r := bufio.NewReader(strings.NewReader(text))
	resp, err := http.ReadResponse(r, nil)
	for err == nil && resp.StatusCode < 200 {
		resp, err = http.ReadResponse(r, nil)
	}
	if err != nil {
		t.Fatalf("net/http: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil && len(resp.TransferEncoding) > 0 && string(body) == got.Body {
		return // net/http is particular about the trailers, which the client skips
	}
	if err != nil {
		t.Fatalf("net/http reads the body: %v", err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	want := runtimeapi.Response{Status: resp.Status, Header: map[string]string{}, Body: string(body), Last: got.Last || resp.Close}
	for _, name := range fields {
		want.Header[name] = resp.Header.Get(name)
	}
	if strings.HasPrefix(string(rest), got.Buffered) {
		want.Buffered = got.Buffered // the reader may have read less ahead
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-net/http +got\n%s", diff)
	}
}

// FuzzResponse compares each response that the client takes with what net/http
// makes of it.
func FuzzResponse(f *testing.F) {
	for _, text := range []string{
		rawEvent, rawOK, rawHead + "\r\nx",
		rawHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + rawEvent,
		"HTTP/1.0 204 No Content\nConnection: keep-alive, close\nContent-Length: 1\n\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields := []string{"Lambda-Runtime-Aws-Request-Id", "X"}
		if got, err := runtimeapi.ReadResponse(text, responseLimit, fields...); err == nil {
			compareWithNetHTTP(t, text, got, fields...)
		}
	})
}
