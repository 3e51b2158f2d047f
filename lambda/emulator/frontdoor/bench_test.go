package frontdoor_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// BenchmarkServeHTTP is the emulator's own part of a request: the event made
// and the response read, without a function.
func BenchmarkServeHTTP(b *testing.B) {
	for _, source := range frontdoor.Sources() {
		b.Run(string(source), func(b *testing.B) {
			h, err := frontdoor.New(&fake{response: `{"statusCode":200,"body":"hello"}`}, source)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/ping?a=b", bytes.NewReader([]byte(`{}`))))
				if w.Code != 200 || w.Body.String() != "hello" {
					b.Fatalf("response %d %q", w.Code, w.Body)
				}
			}
		})
	}
}
