package rpc_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// Each message of a stream can be read before the next one is sent, in every
// format.
func TestServeHTTP_StreamsAsMessagesCome(t *testing.T) {
	next := make(chan struct{})
	h := newHandler(t, transport.InProcess(), fake{stream: func(_ *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
		for i := range int32(3) {
			if err := s.Send(&testv1.EchoStreamResponse{Id: "x", Sequence: i}); err != nil {
				return err
			}
			<-next
		}
		return nil
	}}, rpc.Config{})
	server := httptest.NewServer(h)
	defer server.Close()
	for contentType, request := range map[string]string{
		"application/grpc-web":      string(envelope(0, nil)),
		"application/grpc-web-text": base64.StdEncoding.EncodeToString(envelope(0, nil)),
		"application/connect+proto": string(envelope(0, nil)),
		"application/connect+json":  string(envelope(0, []byte("{}"))),
	} {
		t.Run(contentType, func(t *testing.T) {
			response, err := http.Post(server.URL+"/test.v1.EchoService/EchoStream", contentType, strings.NewReader(request))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body := bufio.NewReader(response.Body)
			for range 3 {
				if !readMessage(t, body, strings.HasSuffix(contentType, "-text")) {
					t.Fatal("the message did not come")
				}
				next <- struct{}{}
			}
			if _, err := io.Copy(io.Discard, body); err != nil {
				t.Error(err)
			}
		})
	}
}

// readMessage reads one message, in base64 with padding if text is true.
func readMessage(t *testing.T, r *bufio.Reader, text bool) bool {
	t.Helper()
	read := func(n int) []byte {
		if text {
			n = base64.StdEncoding.EncodedLen(n)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			t.Error(err)
		}
		if text {
			return decodeText(t, data)
		}
		return data
	}
	if !text {
		return len(read(int(read(5)[4]))) > 0
	}
	// The whole message is one part, which contains its own length.
	peeked, err := r.Peek(8)
	if err != nil {
		t.Error(err)
		return false
	}
	return len(read(5+int(decodeText(t, peeked)[4]))) > 5
}

// Over HTTP/1.1 a bidirectional stream is half duplex. Messages that the
// service sends before it has read everything must not be lost.
func TestServeHTTP_BothDirectionsOverHTTP1(t *testing.T) {
	server := httptest.NewServer(newHandler(t, transport.InProcess(), fake{}, rpc.Config{}))
	defer server.Close()
	var body bytes.Buffer
	for range 1000 {
		body.Write(envelope(0, marshal(t, &testv1.EchoRequest{Text: strings.Repeat("x", 1000)})))
	}
	response, err := http.Post(server.URL+"/test.Collect/Each", "application/grpc-web", &body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(answer, []byte("xxxxx\x00\x00")); n < 999 || !bytes.Contains(answer, []byte("grpc-status: 0")) {
		t.Errorf("%d messages of 1000, %d bytes", n, len(answer))
	}
}

// A call that the service ends while its client still sends must not wait for
// the client.
func TestServeHTTP_EndsWhenTheServiceDoes(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{})
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(version, func(t *testing.T) {
			server := httptest.NewUnstartedServer(h)
			server.EnableHTTP2 = version == "HTTP/2"
			server.StartTLS()
			defer server.Close()
			client := server.Client()
			pr, pw := io.Pipe()
			defer pw.Close()
			go func() { _, _ = pw.Write(envelope(0, nil)) }()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/test.Collect/Reject", pr)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/grpc-web")
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			w := httptest.NewRecorder()
			maps.Copy(w.Header(), response.Header)
			if _, err := io.Copy(w.Body, response.Body); err != nil {
				t.Fatal(err)
			}
			if _, s, _ := decode(t, w); s.Code() != codes.PermissionDenied || s.Message() != "go%20away" && s.Message() != "go away" {
				t.Errorf("%v", s)
			}
		})
	}
}

// A reused connection must not be affected by earlier calls.
func TestServeHTTP_KeepsConnectionsIntact(t *testing.T) {
	server := httptest.NewServer(newHandler(t, transport.InProcess(), fake{}, rpc.Config{}))
	defer server.Close()
	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			reused++
		}
	}}
	const calls = 300
	for i := range calls {
		for _, path := range []string{"/test.Collect/Sum", "/test.Collect/Reject", "/test.Collect/RejectBoth", echoPath} {
			ctx := httptrace.WithClientTrace(t.Context(), trace)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path, io.MultiReader(bytes.NewReader(envelope(0, nil)))) // chunked
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/grpc-web")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			maps.Copy(w.Header(), response.Header)
			if _, err := io.Copy(w.Body, response.Body); err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			want := codes.OK
			if strings.HasPrefix(path, "/test.Collect/Reject") {
				want = codes.PermissionDenied
			}
			if _, s, _ := decode(t, w); s.Code() != want {
				t.Fatalf("call %d of %s: %v, want %v", i, path, s, want)
			}
		}
	}
	if reused < calls {
		t.Errorf("%d requests of %d came on a connection that was kept", reused, 4*calls)
	}
	http.DefaultClient.CloseIdleConnections()
}

// The client must get the error of its broken stream, not the error of the
// call that is cancelled because of it.
func TestServeHTTP_ABrokenRequestStream(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{MaxRequestBytes: 100})
	for name, test := range map[string]struct {
		body []byte
		want codes.Code
	}{
		"a message that is too large": {envelope(0, bytes.Repeat([]byte{'x'}, 101)), codes.ResourceExhausted},
		"half a message":              {envelope(0, []byte("xxxx"))[:7], codes.Internal},
		"compressed without saying":   {envelope(1, []byte("xxxx")), codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/test.Collect/Sum", bytes.NewReader(append(envelope(0, nil), test.body...)))
			r.Header.Set("Content-Type", "application/grpc-web")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if _, s, _ := decode(t, w); s.Code() != test.want {
				t.Errorf("%v, want %v", s, test.want)
			}
		})
	}
}

// FuzzServeHTTP checks that no request makes the handler panic or respond
// without a status, and that the text format gives the same results as the
// binary one.
func FuzzServeHTTP(f *testing.F) {
	f.Add("application/grpc-web", "/test.v1.EchoService/Echo", envelope(0, []byte("\x12\x01x")))
	f.Add("application/grpc-web-text", "/test.v1.EchoService/Echo", []byte("AAAAAAMSAXg="))
	f.Add("application/json", "/test.v1.EchoService/Echo", []byte(`{"text":"x"}`))
	f.Add("application/connect+json", "/test.Collect/Each", envelope(0, []byte("{}")))
	f.Add("application/connect+proto", "/test.Collect/Sum", envelope(2, []byte("{}")))
	f.Add("application/grpc-web", "/test.Collect/Each", append(envelope(0, nil), 0, 0, 0, 0, 1)) // ends in a message
	f.Add("application/grpc-web", "/test.Collect/Each", append(envelope(0, []byte("\xaa")), 0, 0, 0, 0, 1))
	f.Add("application/grpc-web", "/test.Collect/RejectBoth", append(envelope(0, nil), 0, 0, 0, 0, 1))
	h := newHandler(f, transport.InProcess(), fake{}, rpc.Config{MaxRequestBytes: 10_000})
	f.Fuzz(func(t *testing.T, contentType, path string, body []byte) {
		send := func(contentType string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			r.URL.Path = path
			r.Header = http.Header{"Content-Type": {contentType}, "Content-Encoding": {"gzip"}, "Grpc-Encoding": {"gzip"}}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code < 200 || w.Code > 599 {
				t.Errorf("status %d", w.Code)
			}
			return w
		}
		send(contentType, body)
		binary := send("application/grpc-web", body)
		text := send("application/grpc-web-text", base64.StdEncoding.AppendEncode(nil, body))
		if binary.Header().Get("Content-Type") != "application/grpc-web" {
			return // not an RPC
		}
		// The error of a client stream, and how many responses come before it,
		// depend on whether the request or the service fails first.
		if strings.HasPrefix(path, "/test.Collect/") {
			_, want, _ := decode(t, binary)
			if _, got, _ := decode(t, text); (got.Code() == codes.OK) != (want.Code() == codes.OK) {
				t.Errorf("status in text %v, in binary %v", got, want)
			}
			if want.Code() != codes.OK {
				return
			}
		}
		if got := decodeText(t, text.Body.Bytes()); !bytes.Equal(got, binary.Body.Bytes()) {
			t.Errorf("in text %q, in binary %q", got, binary.Body)
		}
	})
}
