package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// BenchmarkHandler is for work on this package. The published comparison is in the
// bench directory.
func BenchmarkHandler(b *testing.B) {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body)
	})
	v1, v2, alb := httpadapter.New(next), httpadapter.NewV2(next), httpadapter.NewALB(next)
	h := event.NewHandler(next)
	theirs := map[string]func([]byte) ([]byte, error){
		"rest-api":     func(p []byte) ([]byte, error) { return viaJSON(p, v1.ProxyWithContext) },
		"http-api-v1":  func(p []byte) ([]byte, error) { return viaJSON(p, v1.ProxyWithContext) },
		"http-api":     func(p []byte) ([]byte, error) { return viaJSON(p, v2.ProxyWithContext) },
		"function-url": func(p []byte) ([]byte, error) { return viaJSON(p, v2.ProxyWithContext) },
		"alb":          func(p []byte) ([]byte, error) { return viaJSON(p, alb.ProxyWithContext) },
		"alb-multi":    func(p []byte) ([]byte, error) { return viaJSON(p, alb.ProxyWithContext) },
	}
	ours := func(p []byte) ([]byte, error) { return h.Invoke(context.Background(), p) }
	for _, kind := range kinds {
		captured, err := os.ReadFile("testdata/" + kind + ".json")
		if err != nil {
			b.Fatal(err)
		}
		large := request{method: "POST", target: "/", body: "[" + strings.Repeat(`{"name":"value"},`, 20_000) + "1]"}
		binary := request{method: "POST", target: "/", body: string(bytes.Repeat(everyByte(), 1_000)), base64: true}
		for _, size := range []struct {
			name    string
			payload []byte
			body    string
		}{
			{"captured", captured, `{"text":"hello"}`},
			{"large", payload(b, kind, large), large.body},
			{"binary", payload(b, kind, binary), binary.body},
		} {
			b.Run(kind+"/"+size.name+"/event", func(b *testing.B) { run(b, kind, size.payload, size.body, ours) })
			if serve := theirs[kind]; serve != nil {
				b.Run(kind+"/"+size.name+"/api-proxy", func(b *testing.B) { run(b, kind, size.payload, size.body, serve) })
			}
		}
	}
}

func run(b *testing.B, kind string, payload []byte, body string, serve func([]byte) ([]byte, error)) {
	out, err := serve(payload)
	if err != nil {
		b.Fatal(err)
	}
	if a := parseAnswer(b, kind, out); a.status != 200 || a.body != body {
		b.Fatalf("got %d and %d bytes", a.status, len(a.body))
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if again, err := serve(payload); err != nil || len(again) != len(out) {
			b.Fatal(len(again), err)
		}
	}
}

func viaJSON[Req, Resp any](payload []byte, proxy func(context.Context, Req) (Resp, error)) ([]byte, error) {
	var req Req
	if err := json.Unmarshal(payload, &req); err != nil {
		return nil, err
	}
	resp, err := proxy(context.Background(), req)
	if err != nil {
		return nil, err
	}
	return json.Marshal(resp)
}
