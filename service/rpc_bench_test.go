package service_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// BenchmarkEcho compares one call through the gateway with the same call as
// an RPC.
func BenchmarkEcho(b *testing.B) {
	svc, err := service.New(b.Context(), transport.InProcess(), append(bindAll(fake{}), quiet(), service.WithRPC())...)
	if err != nil {
		b.Fatal(err)
	}
	defer svc.Close()
	binary, err := proto.Marshal(&testv1.EchoRequest{Id: "1", Text: "hello", Tags: []string{"a", "b"}, Number: 7})
	if err != nil {
		b.Fatal(err)
	}
	const text = `{"id":"1","text":"hello","tags":["a","b"],"number":"7"}`
	for _, bench := range []struct{ name, path, contentType, body string }{
		{"gateway", "/v1/echo/1", "application/json", text},
		{"Connect-JSON", rpcPath, "application/json", text},
		{"Connect-protobuf", rpcPath, "application/proto", string(binary)},
		{"gRPC-Web", rpcPath, "application/grpc-web+proto", "\x00\x00\x00\x00" + string(rune(len(binary))) + string(binary)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, bench.path, strings.NewReader(bench.body))
				r.Header.Set("Content-Type", bench.contentType)
				w := httptest.NewRecorder()
				svc.ServeHTTP(w, r)
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "hello") {
					b.Fatalf("%d %q", w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkNew measures the part of a cold start that New takes, with and
// without RPCs.
func BenchmarkNew(b *testing.B) {
	for name, options := range map[string][]service.Option{"REST": nil, "REST and RPC": {service.WithRPC()}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				svc, err := service.New(b.Context(), transport.InProcess(), append(append(bindAll(fake{}), quiet()), options...)...)
				if err != nil {
					b.Fatal(err)
				}
				if err := svc.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
