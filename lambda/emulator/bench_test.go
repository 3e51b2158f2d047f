package emulator_test

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkInvoke is the way of an event into a function that does nothing and
// of its answer back: what the emulator and aws-lambda-go cost together.
func BenchmarkInvoke(b *testing.B) {
	f := start(b, config(b, "commands"))
	event := command{Do: "echo", Text: "hello"}.payload(b)
	for b.Loop() {
		response, err := f.Invoke(b.Context(), event)
		if err != nil || string(response.Payload) != `"hello"` {
			b.Fatalf("answer %q, %v", response.Payload, err)
		}
	}
}

// BenchmarkColdStart is one start with its first answer, and the end.
func BenchmarkColdStart(b *testing.B) {
	cfg := config(b, "commands")
	event := command{Do: "echo", Text: "hello"}.payload(b)
	for b.Loop() {
		f, err := emulator.Start(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		response, err := f.Invoke(b.Context(), event)
		if err != nil || string(response.Payload) != `"hello"` {
			b.Fatalf("answer %q, %v", response.Payload, err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFrontDoor is the emulator's own part of a request: the event made
// and the answer read, without a function.
func BenchmarkFrontDoor(b *testing.B) {
	for _, source := range emulator.Sources() {
		b.Run(string(source), func(b *testing.B) {
			h, err := emulator.FrontDoor(&fake{answer: `{"statusCode":200,"body":"hello"}`}, source)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/ping?a=b", bytes.NewReader([]byte(`{}`))))
				if w.Code != 200 || w.Body.String() != "hello" {
					b.Fatalf("answer %d %q", w.Code, w.Body)
				}
			}
		})
	}
}
