package emulator_test

import (
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkInvoke measures one invocation of a function that does nothing: the
// cost of the emulator and aws-lambda-go together.
func BenchmarkInvoke(b *testing.B) {
	f := start(b, config(b, "commands"))
	event := command{Do: "echo", Text: "hello"}.payload(b)
	for b.Loop() {
		response, err := f.Invoke(b.Context(), event)
		if err != nil || string(response.Payload) != `"hello"` {
			b.Fatalf("response %q, %v", response.Payload, err)
		}
	}
}

// BenchmarkColdStart measures a start, the first invocation and Close.
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
			b.Fatalf("response %q, %v", response.Payload, err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
