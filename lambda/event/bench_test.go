package event_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// BenchmarkHandler is for work on this package; the comparison that is reported
// is in the bench directory.
func BenchmarkHandler(b *testing.B) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"message":"Pong"}`))
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
	for _, name := range []string{"rest-api", "http-api", "http-api-v1", "alb", "alb-multi", "function-url"} {
		payload, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			b.Fatal(err)
		}
		for who, serve := range map[string]func([]byte) ([]byte, error){
			"event":    func(p []byte) ([]byte, error) { return h.Invoke(context.Background(), p) },
			"apiproxy": theirs[name],
		} {
			b.Run(name+"/"+who, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					out, err := serve(payload)
					if err != nil || len(out) < 20 {
						b.Fatal(string(out), err)
					}
				}
			})
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
