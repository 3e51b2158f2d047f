package frontdoor_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fake is an Invoker that keeps the event and returns a fixed response.
type fake struct {
	event    []byte
	response string
	err      error
	stream   *emulator.Stream
}

func (f *fake) Do(ctx context.Context, r emulator.Request) (emulator.Response, error) {
	f.event = r.Payload
	if errors.Is(f.err, errWait) {
		<-ctx.Done()
		return emulator.Response{}, context.Cause(ctx)
	}
	return emulator.Response{Payload: []byte(f.response)}, f.err
}

func (f *fake) Stream(_ context.Context, r emulator.Request) (*emulator.Stream, error) {
	f.event = r.Payload
	return f.stream, f.err
}

var errWait = errors.New("wait until the caller gives up")

// request parses a request in wire format, with \n for line ends.
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

func frontDoor(t *testing.T, fn emulator.Invoker, source frontdoor.Source, options ...frontdoor.Option) http.Handler {
	t.Helper()
	h, err := frontdoor.New(fn, source, options...)
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
