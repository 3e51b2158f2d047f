package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

func failureRows() []row {
	return []row{
		{name: "a panic becomes a 500, and the process continues", brief: true, check: func(s *subject) error {
			for _, name := range []string{"panic", "panic half-way", "abort", "an impossible status"} {
				err := s.survives(setup{serve: "probe"}, ask(name), isError(500, 13))
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "a body shorter than its Content-Length becomes a 500", check: func(s *subject) error {
			return s.survives(setup{serve: "probe"}, ask("a length too long"), isError(500, 13))
		}},
		{name: "a body that is not valid base64 becomes a 400", check: func(s *subject) error {
			x := setup{serve: "probe", tamper: func(event map[string]any) {
				event["body"] = "*"
				for _, name := range []string{"isBase64Encoded", "is_base64_encoded"} {
					if _, ok := event[name]; ok {
						event[name] = true
					}
				}
			}}
			return s.survives(x, request{method: "POST"}, isError(400, 3))
		}},
		{name: "a response over the limit becomes an error that names the limit, and the process continues", brief: true, buffered: true, check: tooLarge},
		{name: "a response near the limit is sent", large: true, check: func(s *subject) error {
			n := 4_600_000 // as base64, just below
			if s.isALB() {
				n = 760_000
			}
			got, err := s.answer(request{target: fmt.Sprintf("/?byte=255&n=%d", n), header: []string{"X-Probe: large"}})
			if err == nil && (got.status != http.StatusOK || got.body != strings.Repeat("\xff", n)) {
				err = got.failed()
			}
			return err
		}},
		{name: "a body near the limit arrives", large: true, check: func(s *subject) error {
			n := 4_600_000
			if s.isALB() {
				n = 1_000_000
			}
			seen, err := s.see(request{method: "POST", header: []string{"Content-Type: application/json"}, body: strings.Repeat("x", n*3/4)})
			if err == nil && len(seen.Body) != n*3/4 {
				err = fmt.Errorf("%d bytes arrive", len(seen.Body))
			}
			return err
		}},
		{name: "a body over the source's limit does not reach the function", atOnce: true, check: func(s *subject) error {
			n := 10<<20 + 1
			if s.isALB() {
				n = 1<<20 + 1
			}
			t, err := s.open(setup{serve: "probe"})
			if err != nil {
				return err
			}
			got := t.send(request{method: "POST", body: strings.Repeat("x", n)})
			if got.status != http.StatusRequestEntityTooLarge || t.answers.any() {
				return got.failed()
			}
			return nil
		}},
		{name: "a body over the function's own limit becomes a 413 that names the limit", apiProxy: "–", check: func(s *subject) error {
			x := setup{serve: "probe", env: []string{"MAX_BODY=1000"}}
			return s.survives(x, request{method: "POST", body: strings.Repeat("\xff", 1001)}, func(got reply) error {
				if err := wantError(got, 413, 8); err != nil {
					return err
				}
				if !strings.Contains(got.body, "1000") {
					return errors.New("does not name the limit")
				}
				return nil
			})
		}},
		{name: "if a handler ignores the deadline, the client gets 504, and the process continues", atOnce: true,
			apiProxy: "no: the function times out and is killed", check: func(s *subject) error {
				return s.survives(setup{serve: "probe", own: true, timeout: 6 * time.Second}, ask("stuck"), isError(504, 4))
			}},
		{name: "HEAD of a stream does not run the stream to its end", atOnce: true, apiProxy: "no: the function times out and is killed", check: func(s *subject) error {
			r := ask("a stream without end")
			r.method = http.MethodHead
			return s.survives(setup{serve: "probe"}, r, isText(""))
		}},
		{name: "N invocations run at once in one process (AWS_LAMBDA_MAX_CONCURRENCY=N), and a panic in one does not affect the others", brief: true, atOnce: true, check: concurrency},
	}
}

// isError checks for an error in the gateway's format.
func isError(status, code int) func(reply) error {
	return func(got reply) error { return wantError(got, status, code) }
}

func wantError(got reply, status, code int) error {
	var e struct {
		Code    int
		Message string
		Details []any
	}
	switch {
	case got.broken || got.status != status:
		return got.failed()
	case json.Unmarshal([]byte(got.body), &e) != nil || e.Code != code || e.Message == "":
		return fmt.Errorf("the client gets %d in another format", got.status)
	case strings.Contains(got.body, "secret"):
		return errors.New("tells the client what is inside")
	}
	return nil
}

// survives checks a response, and that the same process serves the next request.
func (s *subject) survives(x setup, r request, check func(reply) error) error {
	t, err := s.open(x)
	if err != nil {
		return err
	}
	warm := get("/v1/echo/1")
	if got := send(t.address, warm); got.broken {
		return got.failed()
	}
	before := t.fn.Pid()
	wrong := check(t.send(r))
	t.answers.tamper = nil
	if got := send(t.address, warm); got.status != http.StatusOK {
		return fmt.Errorf("the next request: %w", got.failed())
	}
	if t.fn.Pid() != before {
		return errors.New("the process exits")
	}
	return wrong
}

// tooLarge requests two responses over the limit. The first is text. The second
// is binary and exceeds the limit only in base64.
func tooLarge(s *subject) error {
	limit, n := "6291556", 6_300_000
	if s.isALB() {
		limit, n = "1048576", 1_050_000
	} else if s.place.isLattice() {
		limit = "6291456"
	}
	for _, target := range []string{fmt.Sprintf("/?byte=120&n=%d", n), fmt.Sprintf("/?byte=255&n=%d", n*4/5)} {
		err := s.survives(setup{serve: "probe"}, request{target: target, header: []string{"X-Probe: large"}}, func(got reply) error {
			if err := wantError(got, 500, 8); err != nil {
				return err
			}
			if !strings.Contains(got.body, limit) {
				return errors.New("does not name the limit")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// concurrency makes requests wait for each other in the handler, which shows that they
// run concurrently. One of them panics, and the others continue after its response.
func concurrency(s *subject) error {
	const n = 8
	t, err := s.open(setup{serve: "probe", own: true, concurrency: n})
	if err != nil {
		return err
	}
	wait := "20s" // it is over long before
	if s.adapter != ours {
		wait = "2s" // it is never over
	}
	meet := func(parameters string, args ...any) reply {
		target := fmt.Sprintf("/?name=x&n=%d&wait=%s", n, wait) + fmt.Sprintf(parameters, args...)
		return t.send(request{target: target, header: []string{"X-Probe: meet"}})
	}
	got := make([]reply, n)
	var wg sync.WaitGroup
	for i := 1; i < n; i++ {
		wg.Go(func() { got[i] = meet("&id=%d", i) })
	}
	got[0] = meet("&panic=1")
	meet("&end=1")
	wg.Wait()
	for i, g := range got[1:] {
		if len(t.fn.Processes()) != 1 {
			return errors.New("a panic ends the process")
		}
		if g.status != http.StatusOK || g.body != fmt.Sprint("met as ", i+1) {
			return g.failed()
		}
	}
	return wantError(got[0], 500, 13)
}

func streamRows() []row {
	return []row{
		{name: "Function URLs and REST APIs stream responses", brief: true, streamed: true, apiProxy: "no", check: func(s *subject) error {
			t, err := s.open(setup{serve: "test"})
			if err != nil {
				return err
			}
			got := t.send(get("/v1/echo/7/stream?count=1000"))
			if lines := strings.Count(got.body, "\n"); got.status != http.StatusOK || got.broken || lines != 1000 {
				return fmt.Errorf("%d messages, %w", lines, got.failed())
			}
			return nil
		}, services: true},
		{name: "each message of a server stream is sent when it is made", streamed: true, services: true, atOnce: true, apiProxy: "no", check: firstMessage},
		{name: "a response of more than 6 MB is sent", streamed: true, apiProxy: "no", check: func(s *subject) error {
			const n = 20_000_000
			got, err := s.answer(request{target: fmt.Sprintf("/?byte=120&n=%d", n), header: []string{"X-Probe: large"}})
			if err == nil && (got.status != http.StatusOK || got.broken || len(got.body) != n) {
				err = got.failed()
			}
			return err
		}},
		{name: "a response over the 200 MB that Lambda streams is aborted, and the process continues", streamed: true, atOnce: true, apiProxy: "no", check: func(s *subject) error {
			return s.survives(setup{serve: "probe"}, request{target: "/?byte=120&n=210000000", header: []string{"X-Probe: large"}}, func(got reply) error {
				if !got.broken || got.size < 200_000_000 {
					return fmt.Errorf("a whole answer: %d, %d bytes", got.status, got.size)
				}
				return nil
			})
		}},
		{name: "a panic after the response has begun aborts it", streamed: true, apiProxy: "no", check: func(s *subject) error {
			return s.survives(setup{serve: "probe"}, ask("panic after flush"), func(got reply) error {
				if !got.broken || got.body != "half" {
					return fmt.Errorf("a whole answer: %d %s", got.status, abridged(got.body))
				}
				return nil
			})
		}},
		{name: "a failure before the first byte becomes a complete response", streamed: true, apiProxy: "no", check: func(s *subject) error {
			return s.survives(setup{serve: "probe"}, ask("panic half-way"), isError(500, 13))
		}},
		{name: "a source that cannot stream gets a buffered response from a function that streams", apiProxy: "no", buffered: true,
			on: []frontdoor.Source{frontdoor.HTTPAPI, frontdoor.HTTPAPIv1, frontdoor.ALB, frontdoor.ALBMulti, frontdoor.VPCLattice, frontdoor.VPCLatticeV1}, check: func(s *subject) error {
				t, err := s.open(setup{serve: "test", env: []string{"RESPONSE_MODE=stream"}})
				if err != nil {
					return err
				}
				if got := t.send(get("/v1/ping")); got.status != http.StatusOK || got.body != `{"message":"Pong"}` {
					return got.failed()
				}
				return nil
			}},
	}
}

// firstMessage reads the first message of a stream that takes hours.
func firstMessage(s *subject) error {
	t, err := s.open(setup{serve: "test", own: true, timeout: 20 * time.Second})
	if err != nil {
		return err
	}
	response, err := http.Get("http://" + t.address + "/v1/echo/7/stream?count=1000&interval=10s")
	if err != nil {
		return errors.New("no answer before the end")
	}
	defer response.Body.Close()
	var message struct{ Result struct{ Sequence int } }
	if err := json.NewDecoder(response.Body).Decode(&message); err != nil || message.Result.Sequence != 1 {
		return errors.New("no message before the end")
	}
	return nil
}
