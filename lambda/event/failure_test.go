package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

func TestPanic(t *testing.T) {
	tests := map[string]struct {
		next   http.HandlerFunc
		logged bool
	}{
		"a panic":  {func(http.ResponseWriter, *http.Request) { panic("secret 42") }, true},
		"an error": {func(http.ResponseWriter, *http.Request) { panic(errors.New("secret 42")) }, true},
		"a panic with half of the body written": {func(w http.ResponseWriter, _ *http.Request) {
			pieces(w, "half", flush)
			panic("secret 42")
		}, true},
		"an abort": {func(w http.ResponseWriter, _ *http.Request) {
			pieces(w, "half")
			panic(http.ErrAbortHandler)
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				logger, log := logged()
				broken := true
				h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if broken {
						tt.next(w, r)
					}
					_, _ = io.WriteString(w, "well")
				}), logger)
				p := payload(t, kind, request{target: "/"})
				if message := wantError(t, invoke(t, h, kind, p), 500, 13); strings.Contains(message, "secret") {
					t.Errorf("the client is told %q", message)
				}
				if got := log.String(); strings.Contains(got, "secret 42") != tt.logged || strings.Contains(got, "failure_test.go") != tt.logged {
					t.Errorf("it should be logged with its stack: %v; the log is %q", tt.logged, got)
				}
				broken = false
				if a := invoke(t, h, kind, p); a.body != "well" {
					t.Errorf("the next request got %q", a.body)
				}
			})
		})
	}
}

func TestResponseTooLarge(t *testing.T) {
	const lambda, balancer = 6_291_556, 1 << 20
	each(t, func(t *testing.T, kind string) {
		limit := lambda
		if strings.HasPrefix(kind, "alb") {
			limit = balancer
		}
		var body []byte
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(body)
		}))
		p := payload(t, kind, request{target: "/"})
		overhead := func() int {
			body = []byte("x")
			out, err := h.Invoke(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			return len(out) - 1
		}()
		body = []byte(strings.Repeat("x", limit-overhead))
		if out, err := h.Invoke(t.Context(), p); err != nil || len(out) != limit {
			t.Fatalf("an answer of %d bytes became one of %d, %v", limit, len(out), err)
		}
		for name, large := range map[string][]byte{
			"a byte more":                     []byte(strings.Repeat("x", limit-overhead+1)),
			"much more":                       []byte(strings.Repeat("x", limit*3)),
			"too much only once it is quoted": []byte(strings.Repeat(`"`, limit*2/3)),
			"too much only in base64":         []byte(strings.Repeat("\xff", limit*4/5)),
		} {
			body = large
			message := wantError(t, invoke(t, h, kind, p), 500, 8)
			if !strings.Contains(message, fmt.Sprint(limit)) {
				t.Errorf("%s: the message %q does not name the limit", name, message)
			}
		}
	})
	t.Run("a handler that never stops writing is told", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			total := 0
			h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for {
					n, err := w.Write(make([]byte, 1<<16))
					if total += n; err != nil {
						return
					}
				}
			}))
			wantError(t, invoke(t, h, kind, payload(t, kind, request{target: "/"})), 500, 8)
			if total > lambda {
				t.Errorf("%d bytes were taken from it", total)
			}
		})
	})
}

func TestErrorWriter(t *testing.T) {
	fail := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	p := func(kind string) []byte { return payload(t, kind, request{target: "/"}) }
	t.Run("it writes what this package answers", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			h := event.NewHandler(fail, event.WithErrorWriter(func(w http.ResponseWriter, e *event.Error) {
				w.Header().Set("Content-Type", "text/plain")
				w.WriteHeader(e.Status)
				_, _ = fmt.Fprintf(w, "%d: %s", e.Code, e.Message)
			}))
			a := invoke(t, h, kind, p(kind))
			if a.status != 500 || a.body != "13: internal error" || a.header.Get("Content-Type") != "text/plain" {
				t.Errorf("got %d %q", a.status, a.body)
			}
		})
	})
	for name, write := range map[string]func(http.ResponseWriter, *event.Error){
		"if it panics, the default is used": func(w http.ResponseWriter, _ *event.Error) { pieces(w, "x"); panic("again") },
		"if it writes too much too":         func(w http.ResponseWriter, _ *event.Error) { _, _ = w.Write(make([]byte, 7<<20)) },
		"if its length is wrong too":        func(w http.ResponseWriter, _ *event.Error) { sized(w, "9", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				wantError(t, invoke(t, event.NewHandler(fail, event.WithErrorWriter(write), quiet()), kind, p(kind)), 500, 13)
			})
		})
	}
}

func TestNotHTTP(t *testing.T) {
	tests := map[string]struct{ payload, want string }{
		"a queue's messages":              {`{"Records":[{"body":"secret"}]}`, `event: not an HTTP event of API Gateway, a load balancer or a Function URL: its keys are ["Records"]`},
		"a scheduled event":               {`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`, `its keys are ["detail" "detail-type" "id" "source" "version"]`},
		"an empty test event":             {`{}`, "it is empty"},
		"a VPC Lattice event":             {`{"version":"2.0","path":"/","method":"GET","headers":{"host":["x"]},"requestContext":{"serviceArn":"arn"}}`, `["headers" "method" "path" "requestContext" "version"]`},
		"a version that is not known":     {`{"version":"3.0","httpMethod":"GET","path":"/"}`, `["httpMethod" "path" "version"]`},
		"an authorizer's event":           {`{"type":"REQUEST","methodArn":"arn","httpMethod":"GET","path":"/","requestContext":{}}`, "authorizer"},
		"one of payload 2.0":              {`{"version":"2.0","type":"REQUEST","routeArn":"arn","requestContext":{"http":{"method":"GET"}}}`, "authorizer"},
		"a WebSocket being opened":        {`{"httpMethod":"GET","path":"/","requestContext":{"eventType":"CONNECT","connectionId":"x"}}`, "WebSocket"},
		"a WebSocket's message":           {`{"requestContext":{"connectionId":"x"},"body":"hi"}`, "WebSocket"},
		"not even an object":              {`[1,2]`, "decoding: invalid JSON at offset 0: expected an object"},
		"null":                            {`null`, "decoding"},
		"nothing":                         {``, "decoding"},
		"a JSON text cut short":           {`{"httpMethod":"GET","path":"/`, "decoding"},
		"something behind the JSON":       {`{"httpMethod":"GET","path":"/"}x`, "decoding"},
		"a path that is an object":        {`{"httpMethod":"GET","path":{}}`, "decoding"},
		"headers that are an array":       {`{"httpMethod":"GET","path":"/","headers":[]}`, "decoding an event of kind rest-api"},
		"a key for each of many":          {`{` + manyKeys(50) + `}`, "and 30 more"},
		"a key that is a text of its own": {`{"` + strings.Repeat("k", 10_000) + `":1}`, "kkkk"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
			out, err := h.Invoke(t.Context(), []byte(tt.payload))
			if err == nil {
				t.Fatalf("it was answered: %s", out)
			}
			if message := err.Error(); !strings.Contains(message, tt.want) || !strings.HasPrefix(message, "event: ") ||
				strings.Contains(message, "secret") || len(message) > 2_000 {
				t.Errorf("got %q, want %q in it", message, tt.want)
			}
			if _, err := h.Stream(t.Context(), json.RawMessage(tt.payload)); err == nil {
				t.Error("it was streamed")
			}
		})
	}
}

func manyKeys(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"key%d":1`, i))
	}
	return strings.Join(members, ",")
}

// TestConcurrentInvocations tells invocations apart that run at once, as they
// do with AWS_LAMBDA_MAX_CONCURRENCY, while every fourth of them panics.
func TestConcurrentInvocations(t *testing.T) {
	const goroutines, rounds = 8, 40
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Query().Has("panic") {
			panic("on purpose")
		}
		info, _ := event.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "%s %s %s %s", r.URL.Path, r.Header.Get("X-Id"), body, info.Source)
	}), quiet())
	type exchange struct {
		kind, want   string
		payload, out []byte
		err          error
	}
	exchanges := make([]exchange, goroutines*rounds)
	for i := range exchanges {
		x := &exchanges[i]
		x.kind = kinds[i%len(kinds)]
		id := fmt.Sprint(i)
		r := request{method: "POST", target: "/" + id, header: http.Header{"X-Id": {id}}, body: id}
		x.want = fmt.Sprintf("/%s %s %s %s", id, id, id, strings.TrimSuffix(x.kind, "-multi"))
		if i%4 == 0 {
			r.target += "?panic=1"
			x.want = `{"code":13,"message":"internal error","details":[]}`
		}
		x.payload = payload(t, x.kind, r)
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < len(exchanges); i += goroutines {
				x := &exchanges[i]
				x.out, x.err = h.Invoke(t.Context(), x.payload)
				clear(x.payload)
			}
		})
	}
	wg.Wait()
	for _, x := range exchanges {
		if x.err != nil {
			t.Fatal(x.err)
		}
		if got := parseAnswer(t, x.kind, x.out).body; got != x.want {
			t.Errorf("got %q, want %q", got, x.want)
		}
	}
}
