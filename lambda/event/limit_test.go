package event_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

func TestBodyLimit(t *testing.T) {
	const limit = 50_000
	text := func(n int) string { return strings.Repeat("x", n) }
	quoted := func(s string) string { q, _ := json.Marshal(s); return string(q) }
	inBase64 := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(text(n))) }
	tests := map[string]struct {
		body   string // as JSON
		base64 bool
		length int // of the body; the limit and less is served
	}{
		"text of just the limit":              {quoted(text(limit)), false, limit},
		"text with a byte more":               {quoted(text(limit + 1)), false, limit + 1},
		"text much longer":                    {quoted(text(limit * 50)), false, limit * 50},
		"text that is shorter unescaped":      {`"` + strings.Repeat(`\u0041`, limit) + `"`, false, limit},
		"and one that is too long unescaped":  {`"` + strings.Repeat(`\u0041`, limit+1) + `"`, false, limit + 1},
		"escaped runes of four bytes":         {`"` + strings.Repeat(`\ud83d\ude00`, limit/4) + `"`, false, limit},
		"and one more":                        {`"` + strings.Repeat(`\ud83d\ude00`, limit/4+1) + `"`, false, limit + 4},
		"text whose JSON is large":            {`"` + strings.Repeat(`\u0041`, limit/2) + `"`, false, limit / 2},
		"base64 of just the limit":            {quoted(inBase64(limit)), true, limit},
		"base64 of a byte less":               {quoted(inBase64(limit - 1)), true, limit - 1},
		"base64 with a byte more":             {quoted(inBase64(limit + 1)), true, limit + 1},
		"base64 with two":                     {quoted(inBase64(limit + 2)), true, limit + 2},
		"base64 much longer":                  {quoted(inBase64(limit * 50)), true, limit * 50},
		"too long base64 that is not valid":   {quoted(text(limit*2) + "*"), true, limit + 1},
		"base64 with escapes":                 {strings.ReplaceAll(quoted(inBase64(limit)), "eHh4", `eHh\u0034`), true, limit},
		"too long base64 with escapes":        {strings.ReplaceAll(quoted(inBase64(limit+1)), "eHh4", `eHh\u0034`), true, limit + 1},
		"base64 of the limit in lines":        {quoted(strings.ReplaceAll(inBase64(limit), "eHh4eHh4", "eHh4\r\neHh4")), true, limit},
		"too long base64 in lines":            {quoted(strings.ReplaceAll(inBase64(limit+1), "eHh4eHh4", "eHh4\r\neHh4")), true, limit + 1},
		"a small body that is small enough":   {`"x"`, false, 1},
		"bytes that become longer as U+FFFD":  {"\"" + strings.Repeat("\xff", limit/3) + "\"", false, limit / 3 * 3},
		"and too many of them for the limit ": {"\"" + strings.Repeat("\xff", limit/3+1) + "\"", false, limit/3*3 + 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				length := -1
				h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					n, err := io.Copy(io.Discard, r.Body)
					if length = int(n); err != nil || r.ContentLength != n {
						t.Errorf("%d bytes of %d, %v", n, r.ContentLength, err)
					}
				}), event.WithMaxBodyBytes(limit))
				p := payload(t, kind, request{method: "POST", target: "/"}, func(e map[string]any) {
					e["body"], e["isBase64Encoded"] = "BODY", tt.base64
				})
				p = bytes.Replace(p, []byte(`"BODY"`), []byte(tt.body), 1)
				a := invoke(t, h, kind, p)
				if tt.length <= limit {
					if a.status != 200 || length != tt.length {
						t.Errorf("got %d %s, the handler %d bytes, want %d", a.status, a.body, length, tt.length)
					}
					return
				}
				if message := wantError(t, a, 413, 8); !strings.Contains(message, fmt.Sprint(limit)) || length >= 0 {
					t.Errorf("got %q, the handler %d bytes", message, length)
				}
			})
		})
	}
	t.Run("the default lets through what Lambda does", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			p := payload(t, kind, request{method: "POST", target: "/", body: "BODY"})
			for n, status := range map[int]int{6 << 20: 200, 6<<20 + 1: 413} {
				if a := invoke(t, h, kind, bytes.Replace(p, []byte("BODY"), []byte(text(n)), 1)); a.status != status {
					t.Errorf("%d bytes: got %d, want %d", n, a.status, status)
				}
			}
		})
	})
}

// TestLargeBodies has large bodies in every position in an event.
func TestLargeBodies(t *testing.T) {
	long := strings.Repeat("long \\ \" \n é € 😀 \x00 ", 5_000)
	quoted, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	for name, members := range map[string]string{
		"last":                     `"version":"2.0",CONTEXT,"body":BODY`,
		"first":                    `"body" : BODY , "version":"2.0",CONTEXT`,
		"with space around it":     `"version":"2.0",CONTEXT,"body" ` + "\n\t:\r BODY",
		"beside another in it":     `"version":"2.0","x":{"body":"no","y":["body","z"]},"y":["body"],CONTEXT,"body":BODY,"z":"body"`,
		"after one with its name":  `"version":"2.0",CONTEXT,"body":"no","body":BODY`,
		"after one that is null":   `"body":null,"version":"2.0",CONTEXT,"body":BODY`,
		"behind quotes in strings": `"a\"":"body\\","version":"2.0","b\\":"\\\"",CONTEXT,"body":BODY`,
	} {
		text := strings.NewReplacer("BODY", string(quoted), "CONTEXT", `"requestContext":{"http":{"method":"POST"},"domainName":"api.example.com"}`).Replace("{" + members + "}")
		r, body := seen(t, "http-api", []byte(text))
		if body != long || r.Host != "api.example.com" {
			t.Errorf("%s: %d bytes of %d arrive at %q", name, len(body), len(long), r.Host)
		}
	}
}

// TestHeadLimit sends events whose headers and queries are larger than net/http's
// server accepts.
func TestHeadLimit(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	many := strings.TrimSuffix(strings.Repeat(`"",`, 400_000), ",")
	each(t, func(t *testing.T, kind string) {
		for name, adjust := range map[string]func(map[string]any){
			"a header": func(e map[string]any) {
				set(e, "headers", map[string]string{"x": large})
				set(e, "multiValueHeaders", map[string][]string{"x": {large}})
			},
			"values": func(e map[string]any) {
				set(e, "headers", map[string]string{"x": large})
				set(e, "multiValueHeaders", json.RawMessage(`{"x":[`+many+`]}`))
			},
			"a query": func(e map[string]any) {
				set(e, "rawQueryString", large)
				if strings.HasPrefix(kind, "vpc-lattice") {
					set(e, "path", "/?"+large)
					set(e, "raw_path", "/?"+large)
				}
				set(e, "queryStringParameters", map[string]string{"x": large})
				set(e, "multiValueQueryStringParameters", json.RawMessage(`{"x":[`+many+`]}`))
			},
			"a path": func(e map[string]any) {
				set(e, "path", "/"+large)
				set(e, "rawPath", "/"+large)
				set(e, "raw_path", "/"+large)
			},
		} {
			h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s: the handler was called", name) }))
			wantError(t, invoke(t, h, kind, payload(t, kind, request{target: "/"}, adjust)), 431, 8)
		}
	})
}

// TestResponseThatCannotFit has a handler that writes forever. Its writes must fail
// as soon as the response cannot fit.
func TestResponseThatCannotFit(t *testing.T) {
	tests := map[string]struct {
		piece  []byte
		coding string
		factor float64 // of the limit: what of the body fits at most
	}{
		"text":                   {bytes.Repeat([]byte("x"), 1000), "", 1},
		"bytes":                  {bytes.Repeat([]byte("\xff"), 1000), "", 0.75},
		"compressed":             {bytes.Repeat([]byte("x"), 1000), "gzip", 0.75},
		"text, then half a rune": {append(bytes.Repeat([]byte("x"), 999), 0xe2), "", 0.75},
		"all of it at once":      {bytes.Repeat([]byte("x"), 20<<20), "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				limit := 6_291_556
				if strings.HasPrefix(kind, "alb") {
					limit = 1 << 20
				} else if strings.HasPrefix(kind, "vpc-lattice") {
					limit = 6 << 20
				}
				total := 0
				h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Encoding", tt.coding)
					for {
						n, err := w.Write(tt.piece)
						if total += n; err == nil {
							continue
						}
						if n, err = w.Write([]byte("x")); err == nil || n > 0 {
							t.Error("after a refusal it is taken again")
						}
						return
					}
				}))
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				message := wantError(t, invoke(t, h, kind, payload(t, kind, request{target: "/"})), 500, 8)
				runtime.ReadMemStats(&after)
				if !strings.Contains(message, fmt.Sprint(limit)) {
					t.Errorf("%q does not name the limit", message)
				}
				if most := int(float64(limit) * tt.factor); total > most || total < most-10_000 {
					t.Errorf("%d bytes were taken, want nearly %d", total, most)
				}
				if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(limit)*3/2+1<<20 {
					t.Errorf("%d bytes were allocated for it", allocated)
				}
			})
		})
	}
}

// TestAllocations limits the allocations for the worst events in relation to their
// size. The body is in memory once, decoded; the response twice, in chunks and
// encoded.
func TestAllocations(t *testing.T) {
	const size = 1 << 20 // which is enough to tell a copy from none
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	raw := func(field, value string) func(map[string]any) {
		return func(e map[string]any) { set(e, field, json.RawMessage(value)) }
	}
	fields := func(single, multi string) func(map[string]any) {
		return func(e map[string]any) {
			for _, field := range []string{"headers", "queryStringParameters"} {
				raw(field, single)(e)
			}
			for _, field := range []string{"multiValueHeaders", "multiValueQueryStringParameters"} {
				raw(field, multi)(e)
			}
		}
	}
	emptyStrings := strings.TrimSuffix(fill(`"",`), ",")
	tests := map[string]struct {
		adjust func(map[string]any)
		body   string
		base64 bool
		factor float64
	}{
		"a body in base64":                    {body: fill("\xff")[:size*3/4], base64: true, factor: 0.8},
		"a text":                              {body: fill("x"), factor: 1.05},
		"a text of escapes":                   {body: fill("\n")[:size/2], factor: 1.05},
		"a text of empty strings":             {body: "[" + emptyStrings[:size/2] + "]", factor: 1.05},
		"values that look like many headers":  {adjust: fields(`{"x":"`+fill(`\":`)[:size/3*3-3]+`"}`, `{"x":["`+fill(`\":`)[:size/3*3-3]+`"]}`), factor: 2.1},
		"such values that are let through":    {adjust: fields(`{"x":"`+strings.Repeat(`\":`, 300_000)+`"}`, `{"x":["`+strings.Repeat(`\":`, 300_000)+`"]}`), factor: 3.1},
		"empty values":                        {adjust: fields(`{}`, `{"x":[`+emptyStrings+`]}`), factor: 1.1},
		"cookies that are empty":              {adjust: func(e map[string]any) { e["cookies"] = json.RawMessage("[" + emptyStrings + "]") }, factor: 1.1},
		"something that nobody knows":         {adjust: func(e map[string]any) { e["x"] = json.RawMessage("[" + emptyStrings + "]") }, factor: 1.1},
		"an event that nobody knows the type": {adjust: func(e map[string]any) { clear(e); e["x"] = json.RawMessage("[" + emptyStrings + "]") }, factor: 2.1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				var adjust []func(map[string]any)
				if tt.adjust != nil {
					adjust = append(adjust, tt.adjust)
				}
				p := payload(t, kind, request{method: "POST", target: "/", body: tt.body, base64: tt.base64}, adjust...)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				out, err := h.Invoke(t.Context(), p)
				runtime.ReadMemStats(&after)
				allocated := float64(after.TotalAlloc - before.TotalAlloc)
				t.Logf("%.2f of %d bytes: %.80s %v", allocated/float64(len(p)), len(p), out, err)
				if allocated > tt.factor*float64(len(p))+1<<19 {
					t.Errorf("%.0f bytes were allocated for %d, want at most %.2f times as much", allocated, len(p), tt.factor)
				}
			})
		})
	}
	t.Run("an answer is in memory twice, once of it encoded", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			n := 4_600_000
			if strings.HasPrefix(kind, "alb") {
				n = 760_000
			}
			piece := bytes.Repeat([]byte("\xff"), 1000)
			h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for range n / len(piece) {
					_, _ = w.Write(piece)
				}
			}))
			p := payload(t, kind, request{target: "/"})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a := mustInvoke(t, h, p)
			runtime.ReadMemStats(&after)
			if allocated, most := after.TotalAlloc-before.TotalAlloc, uint64(n)*7/3+1<<19; allocated > most || len(a) < n*4/3 {
				t.Errorf("%d bytes were allocated for an answer of %d, want at most %d", allocated, len(a), most)
			}
		})
	})
}

func mustInvoke(t *testing.T, h *event.Handler, payload []byte) []byte {
	t.Helper()
	out, err := h.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDeadlineIsKept has handlers that ignore their context.
func TestDeadlineIsKept(t *testing.T) {
	tests := map[string]struct {
		before func(http.ResponseWriter)
		status int
		code   int
	}{
		"one that has written nothing":          {func(http.ResponseWriter) {}, 504, 4},
		"one that has written a part":           {func(w http.ResponseWriter) { pieces(w, "half") }, 504, 4},
		"one that has written more than can be": {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 7<<20)) }, 500, 8},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					ended := make(chan error, 1)
					logger, log := logged()
					h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						tt.before(w)
						time.Sleep(time.Hour)
						_, err := io.WriteString(w, "late")
						ended <- err
					}), event.WithDeadlineMargin(2*time.Second), logger)
					start := time.Now()
					p := payload(t, kind, request{target: "/"})
					out, err := h.Invoke(ctx, p)
					if err != nil {
						t.Fatal(err)
					}
					clear(p)
					if took := time.Since(start); took != 9*time.Second {
						t.Errorf("it took %v, want all but half of the margin", took)
					}
					wantError(t, parseAnswer(t, kind, out), tt.status, tt.code)
					if !strings.Contains(log.String(), "has not returned by the deadline") {
						t.Errorf("the log is %q", log)
					}
					if err := <-ended; !errors.Is(err, http.ErrHandlerTimeout) {
						t.Errorf("a late write returns %v", err)
					}
				})
			})
		})
	}
	t.Run("one that panics late takes nothing with it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				time.Sleep(time.Hour)
				panic("late")
			}), quiet())
			out, err := h.Invoke(ctx, payload(t, "alb", request{target: "/"}))
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, parseAnswer(t, "alb", out), 504, 4)
			time.Sleep(2 * time.Hour)
		})
	})
	t.Run("one that ends its goroutine is a failure", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			h := event.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }), quiet())
			out, err := h.Invoke(ctx, payload(t, kind, request{target: "/"}))
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, parseAnswer(t, kind, out), 500, 13)
		})
	})
	t.Run("one that heeds its context answers itself", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
					time.Sleep(100 * time.Millisecond)
					http.Error(w, "sorry", http.StatusServiceUnavailable)
				}))
				out, err := h.Invoke(ctx, payload(t, kind, request{target: "/"}))
				if a := parseAnswer(t, kind, out); err != nil || a.status != 503 || a.body != "sorry\n" {
					t.Errorf("got %+v, %v", a, err)
				}
			})
		})
	})
}

func TestStreamKeepsTheDeadline(t *testing.T) {
	for _, kind := range streaming {
		for name, begun := range map[string]bool{"nothing was sent": false, "a part was sent": true} {
			t.Run(kind+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					ended := make(chan error, 1)
					h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						if begun {
							pieces(w, "part", flush)
						}
						time.Sleep(time.Hour)
						_, err := io.WriteString(w, strings.Repeat("late", 1000))
						ended <- err
					}), event.WithDeadlineMargin(2*time.Second), quiet())
					start := time.Now()
					r, err := h.Stream(ctx, payload(t, kind, request{target: "/"}))
					if err != nil {
						t.Fatal(err)
					}
					out, err := io.ReadAll(r)
					if took := time.Since(start); took != 9*time.Second {
						t.Errorf("it took %v", took)
					}
					closeReader(t, r)
					prelude, body, _ := bytes.Cut(out, make([]byte, 8))
					a := parseAnswer(t, kind, prelude)
					if a.body = string(body); begun {
						var broken *event.StreamError
						if a.body != "part" || !errors.As(err, &broken) || !strings.Contains(err.Error(), "before the deadline") {
							t.Errorf("got %+v, %v", a, err)
						}
					} else if wantError(t, a, 504, 4); err != nil {
						t.Error(err)
					}
					if err := <-ended; !errors.Is(err, http.ErrHandlerTimeout) {
						t.Errorf("a late write returns %v", err)
					}
				})
			})
		}
	}
}

// TestStreamLimit has a handler that writes more than Lambda streams.
func TestStreamLimit(t *testing.T) {
	const limit = 200 << 20
	all := make([]byte, limit+1)
	for _, kind := range streaming {
		for name, piece := range map[string][]byte{"in pieces": all[:1<<20], "at once": all} {
			t.Run(kind+", "+name, func(t *testing.T) {
				ended := make(chan error, 1)
				h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					for {
						if _, err := w.Write(piece); err != nil {
							ended <- err
							return
						}
					}
				}))
				r, err := h.Stream(t.Context(), payload(t, kind, request{target: "/"}))
				if err != nil {
					t.Fatal(err)
				}
				n, err := io.Copy(io.Discard, r)
				closeReader(t, r)
				var broken *event.StreamError
				if n != limit || !errors.As(err, &broken) || !strings.Contains(err.Error(), fmt.Sprint(limit)) {
					t.Errorf("it ends after %d bytes with %v", n, err)
				}
				if err := <-ended; err == nil {
					t.Error("the handler is not told")
				}
			})
		}
	}
	t.Run("a client is told before the handler returns", func(t *testing.T) {
		release := make(chan struct{})
		h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(all)
			<-release
		}))
		r, err := h.Stream(t.Context(), payload(t, "rest-api", request{target: "/"}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err == nil {
			t.Error("it ends as a success")
		}
		close(release)
		closeReader(t, r)
	})
}

// TestHeadOfAStream sends HEAD to handlers that stream until they are stopped.
// A response to HEAD has no body, so they must be stopped at the first flush.
func TestHeadOfAStream(t *testing.T) {
	for name, next := range map[string]http.HandlerFunc{
		"until a write fails": func(w http.ResponseWriter, _ *http.Request) {
			for _, err := io.WriteString(w, "message"); err == nil; _, err = io.WriteString(w, "message") {
				w.(http.Flusher).Flush()
			}
		},
		"until the context ends": func(w http.ResponseWriter, r *http.Request) {
			pieces(w, "message", flush)
			<-r.Context().Done()
		},
		"and panic when they cannot": func(w http.ResponseWriter, r *http.Request) {
			pieces(w, "message", flush)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, kind string) {
				typedNext := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					next(w, r)
				})
				h := event.NewHandler(typedNext)
				p := payload(t, kind, request{method: "HEAD", target: "/"})
				answers := []answer{invoke(t, h, kind, p)}
				if kind == "rest-api" || kind == "function-url" {
					answers = append(answers, stream(t, h, kind, p))
				}
				for _, a := range answers {
					if a.status != 200 || a.body != "" || a.broken || a.header.Get("Content-Type") != "application/json" {
						t.Errorf("got %+v", a)
					}
				}
			})
		})
	}
}

// TestErrorTypes checks the names that Lambda reports as errorType. aws-lambda-go
// takes them from the types of errors.
func TestErrorTypes(t *testing.T) {
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		pieces(w, "half", flush)
		panic(http.ErrAbortHandler)
	}), quiet())
	for text, want := range map[string]string{
		`[1]`: "UnsupportedEventError", `"x"`: "UnsupportedEventError", `null`: "UnsupportedEventError", `{}`: "UnsupportedEventError",
		`{"Records":[]}`: "UnsupportedEventError", `{"methodArn":"x"}`: "UnsupportedEventError", `{"requestContext":{"eventType":"CONNECT"}}`: "UnsupportedEventError",
		`{"path":[]}`: "MalformedEventError", `{"requestContext":{"elb":{}},"httpMethod":"GET","headers":1}`: "MalformedEventError",
	} {
		_, buffered := lambda.NewHandler(h).Invoke(t.Context(), []byte(text))
		_, streamed := lambda.NewHandler(h.Stream).Invoke(t.Context(), []byte(text))
		for mode, err := range map[string]error{"buffered": buffered, "streamed": streamed} {
			if err == nil || reflect.TypeOf(err).Elem().Name() != want || err.Error() != buffered.Error() {
				t.Errorf("%s, %s: got %T: %v, want %s", text, mode, err, err, want)
			}
		}
	}
	r, err := h.Stream(t.Context(), payload(t, "rest-api", request{target: "/"}))
	if err != nil {
		t.Fatal(err)
	}
	defer closeReader(t, r)
	if _, err := io.ReadAll(r); err == nil || reflect.TypeOf(err).Elem().Name() != "StreamError" {
		t.Errorf("a stream that breaks off ends with %T: %v", err, err)
	}
}
