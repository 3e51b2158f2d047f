package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// BenchmarkEvent handles a captured event with this project's adapter, and with
// aws-lambda-go-api-proxy's httpadapter and encoding/json. The handler responds with
// the body of the request.
func BenchmarkEvent(b *testing.B) {
	next := http.HandlerFunc(answerBody)
	ours := event.NewHandler(next)
	v1, v2, alb := httpadapter.New(next), httpadapter.NewV2(next), httpadapter.NewALB(next)
	for _, source := range []struct {
		name   string
		theirs invoker
	}{
		{"rest-api", throughJSON(v1.ProxyWithContext)},
		{"http-api-v1", throughJSON(v1.ProxyWithContext)},
		{"http-api", throughJSON(v2.ProxyWithContext)},
		{"function-url", throughJSON(v2.ProxyWithContext)},
		{"alb", throughJSON(alb.ProxyWithContext)},
		{"alb-multi", throughJSON(alb.ProxyWithContext)},
	} {
		payload, err := os.ReadFile(filepath.Join("..", "lambda", "event", "testdata", source.name+".json"))
		must(b, err)
		b.Run("source="+source.name+"/adapter=httpadapter", func(b *testing.B) { events(b, source.theirs, payload) })
		b.Run("source="+source.name+"/adapter=event", func(b *testing.B) { events(b, ours.Invoke, payload) })
	}
}

func answerBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.Copy(w, r.Body)
}

// events checks each field of the first response. Later responses must have the same
// bytes.
func events(b *testing.B, invoke invoker, payload []byte) {
	want, err := invoke(b.Context(), payload)
	must(b, err)
	var sent, got struct {
		StatusCode int
		Body       string
	}
	must(b, json.Unmarshal(payload, &sent))
	must(b, json.Unmarshal(want, &got))
	if got.StatusCode != http.StatusOK || got.Body != sent.Body || got.Body == "" {
		b.Fatalf("wrong answer %s", want)
	}
	loop(b, func() {
		if answer, err := invoke(b.Context(), payload); err != nil || !bytes.Equal(answer, want) {
			b.Fatalf("answer %s, %v, want %s", answer, err, want)
		}
	})
}

type invoker func(context.Context, []byte) ([]byte, error)

func throughJSON[Event, Answer any](proxy func(context.Context, Event) (Answer, error)) invoker {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var in Event
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		out, err := proxy(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}
