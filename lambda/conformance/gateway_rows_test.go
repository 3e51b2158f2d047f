package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/conformance/testdata/probe"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// ourGateway is the cell of a row about the application behind the adapter, which is
// this project's gateway here.
const ourGateway = "–"

func gatewayRows() []row {
	expect := func(x setup, r request, check func(reply) error) func(*subject) error {
		return func(s *subject) error {
			t, err := s.open(x)
			if err != nil {
				return err
			}
			return check(t.send(r))
		}
	}
	plain, services := setup{serve: "test"}, setup{serve: "services"}
	cors := setup{serve: "test", env: []string{"CORS_ORIGINS=https://app.example"}}
	return []row{
		{name: "a unary call works", services: true, check: expect(plain, get("/v1/ping"), isText(`{"message":"Pong"}`))},
		{name: "a server stream arrives complete", brief: true, services: true, buffered: true, check: wholeStream},
		{name: "a failure after the first message is sent as an error in the stream", services: true, check: expect(services, get("/v1/echo/7/stream?count=3"), failedStream)},
		{name: "a panic after the first message is sent as an error in the stream", services: true, check: expect(services, get("/v1/echo/panic/stream?count=3"), failedStream)},
		{name: "a client stream is sent as one message per line", services: true, check: clientStream},
		{name: "an error has grpc-gateway's format", services: true, check: expect(plain, get("/v1/echo/7?number=x"), isError(400, 3))},
		{name: "an unknown path gets 404", services: true, check: expect(plain, get("/nothing"), isError(404, 5))},
		{name: "a panic in a service becomes a 500, and the process continues", services: true, apiProxy: ourGateway, check: func(s *subject) error {
			return s.survives(services, get("/v1/echo/panic"), isError(500, 13))
		}},
		{name: "clients do not see the messages of Internal errors", services: true, apiProxy: ourGateway, check: expect(services, get("/v1/echo/internal"), isError(500, 13))},
		{name: "a status message cannot add a header line to the response", services: true, apiProxy: ourGateway, check: expect(services, get("/v1/echo/unauthenticated"),
			func(got reply) error {
				if got.header["X-Injected"] != nil {
					return errors.New("it does")
				}
				return wantError(got, 401, 16)
			})},
		{name: "only response metadata that is allowed becomes headers", services: true, apiProxy: ourGateway, check: expect(services, get("/v1/echo/headers"),
			func(got reply) error {
				for name := range got.header {
					if strings.HasPrefix(name, "Grpc-") || name == "X-Inside" {
						return fmt.Errorf("`%s` is sent", name)
					}
				}
				if got.header.Get("Retry-After") != "7" {
					return errors.New("Retry-After is lost")
				}
				return nil
			})},
		{name: "HEAD gets the response to GET without the body", services: true, apiProxy: ourGateway, check: expect(plain, request{method: "HEAD", target: "/v1/ping"}, isText(""))},
		{name: "a service's own binding for HEAD is called instead of the one for GET", services: true, apiProxy: ourGateway, check: expect(services,
			request{method: "HEAD", target: "/test/v1/items/u1"}, func(got reply) error {
				if got.header.Get("Retry-After") != "9" {
					return errors.New("GET is called")
				}
				return isText("")(got)
			})},
		{name: "`%2F` is decoded in a path variable of one segment, and kept in one of several", services: true, apiProxy: ourGateway, check: slashes,
			destroyed: map[frontdoor.Source]string{frontdoor.HTTPAPI: encodedSlash, frontdoor.HTTPAPIv1: encodedSlash}},
		{name: "invalid UTF-8 in path, query or body gets 400", services: true, apiProxy: ourGateway, check: invalidUTF8,
			destroyed: map[frontdoor.Source]string{
				frontdoor.RESTAPI:     "a query's invalid bytes have become U+FFFD",
				frontdoor.HTTPAPI:     "invalid bytes of the path, and of a body that is text, have become U+FFFD",
				frontdoor.HTTPAPIv1:   "invalid bytes of path and query, and of a body that is text, have become U+FFFD",
				frontdoor.ALB:         "invalid bytes of a body that is text have become U+FFFD",
				frontdoor.ALBMulti:    "invalid bytes of a body that is text have become U+FFFD",
				frontdoor.FunctionURL: "invalid bytes of a body that is text have become U+FFFD",
			}},
		{name: "OPTIONS does not reach a service: it gets 501 without CORS", services: true, apiProxy: ourGateway, check: expect(plain, request{method: "OPTIONS", target: "/v1/ping"}, isError(501, 12))},
		{name: "the function removes BASE_PATH from paths", apiProxy: ourGateway, check: expect(setup{serve: "test", env: []string{"BASE_PATH=/api"}},
			get("/api/v1/ping"), isText(`{"message":"Pong"}`))},
		{name: "CORS can be turned on", apiProxy: ourGateway, check: expect(cors, request{method: "OPTIONS", target: "/v1/ping",
			header: []string{"Origin: https://app.example", "Access-Control-Request-Method: GET"}}, preflight)},
		{name: "with CORS, an unknown origin gets no CORS headers", apiProxy: ourGateway, check: expect(cors, get("/v1/ping", "Origin: https://mallory.example"),
			func(got reply) error {
				if got.header["Access-Control-Allow-Origin"] != nil {
					return errors.New("it is allowed")
				}
				return isText(`{"message":"Pong"}`)(got)
			})},
		{name: "`X-HTTP-Method-Override` has no effect", services: true, apiProxy: ourGateway, check: expect(plain,
			request{method: "POST", target: "/v1/ping", header: []string{"X-HTTP-Method-Override: GET", "Content-Type: application/x-www-form-urlencoded"}, body: "a=b"}, isError(501, 12))},
		{name: "a slow call gets 504 before the function's timeout, and the process continues", brief: true, services: true, atOnce: true,
			apiProxy: "no: the function times out and is killed", check: func(s *subject) error {
				return s.survives(setup{serve: "services", concurrency: len(places()), timeout: 4 * time.Second}, get("/v1/echo/sleep"), isError(504, 4))
			}},
		{name: "a stream that the deadline ends has an error as its last message", services: true, atOnce: true,
			apiProxy: "no: the function times out and is killed", check: expect(
				setup{serve: "test", concurrency: len(places()), timeout: 4 * time.Second, env: []string{"DEADLINE_MARGIN=1h"}}, // half of the timeout, then
				get("/v1/echo/7/stream?count=1000&interval=10s"), endedStream)},
		{name: "a request message may have more than gRPC's default of 4 MiB, up to Lambda's 6 MB", services: true, large: true, on: apisAndURLs(), apiProxy: ourGateway, check: func(s *subject) error {
			return bigMessage(s, 4_350_000)
		}},
		{name: "a request over the gRPC limit gets an error that says so", services: true, apiProxy: ourGateway, check: expect(setup{serve: "services", env: []string{"MAX_REQUEST=1000"}},
			request{method: "POST", target: "/v1/echo/7", header: []string{"Content-Type: application/json"}, body: `{"text":"` + strings.Repeat("x", 2000) + `"}`},
			func(got reply) error {
				if err := wantError(got, 429, 8); err != nil {
					return err
				}
				if !strings.Contains(got.body, "1000") {
					return errors.New("does not name the limit")
				}
				return nil
			})},
	}
}

func isText(want string) func(reply) error {
	return func(got reply) error {
		if got.status != http.StatusOK || got.broken {
			return got.failed()
		}
		if got.body != want {
			return fmt.Errorf("the body is %s", abridged(got.body))
		}
		return nil
	}
}

func wholeStream(s *subject) error {
	t, err := s.open(setup{serve: "test"})
	if err != nil {
		return err
	}
	got := t.send(get("/v1/echo/7/stream?count=1000"))
	if got.status != http.StatusOK || got.broken {
		return got.failed()
	}
	if lines := strings.Count(got.body, "\n"); lines != 1000 || !strings.HasSuffix(strings.TrimSpace(got.body), `"sequence":1000}}`) {
		return fmt.Errorf("%d of 1000 messages", lines)
	}
	return nil
}

// clientStream sends messages to a client-streaming method: as text, in base64 if the
// source uses it, many, none, and invalid ones.
func clientStream(s *subject) error {
	t, err := s.open(setup{serve: "services"})
	if err != nil {
		return err
	}
	collect := func(contentType string, messages ...string) reply {
		return t.send(request{method: "POST", target: probe.CollectPath, header: []string{"Content-Type: " + contentType}, body: strings.Join(messages, "\n")})
	}
	want := func(got reply, texts string) error {
		var collected struct{ Texts []string }
		if got.status != http.StatusOK || got.broken {
			return got.failed()
		}
		if err := json.Unmarshal([]byte(got.body), &collected); err != nil || strings.Join(collected.Texts, ",") != texts {
			return fmt.Errorf("the messages arrive as %s", abridged(got.body))
		}
		return nil
	}
	many := make([]string, 1000)
	texts := make([]string, len(many))
	for i := range many {
		texts[i] = fmt.Sprint(i)
		many[i] = fmt.Sprintf(`{"text":"%d"}`, i)
	}
	return errors.Join(
		want(collect("application/json", `{"text":"one"}`, `{"text":"two"}`, `{"text":"three"}`, ""), "one,two,three"),
		want(collect("application/x-ndjson", many...), strings.Join(texts, ",")), // not a text to any source
		want(collect("application/json"), ""),
		wantError(collect("application/json", `{"text":"one"}`, `{"text":"fail:enough"}`, `{"text":"three"}`), 400, 9),
		wantError(collect("application/json", `{"text":"one"}`, `{"text":`), 400, 3),
	)
}

// failedStream checks for three messages and an error.
func failedStream(got reply) error {
	lines := strings.Split(strings.TrimSpace(got.body), "\n")
	if got.broken && len(lines) >= 3 {
		return nil
	}
	if got.status != http.StatusOK {
		return got.failed()
	}
	if len(lines) != 4 || !strings.HasPrefix(lines[3], `{"error":{"code":`) || strings.Contains(got.body, "secret") {
		return errors.New("a short success")
	}
	return nil
}

func preflight(got reply) error {
	if got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "GET") {
		return got.failed()
	}
	return nil
}

func bigMessage(s *subject, n int) error {
	t, err := s.open(setup{serve: "test"})
	if err != nil {
		return err
	}
	text := strings.Repeat("x", n)
	got := t.send(request{method: "POST", target: "/v1/echo/7", header: []string{"Content-Type: application/json"}, body: `{"text":"` + text + `"}`})
	if got.status != http.StatusOK || got.broken {
		return got.failed()
	}
	if !strings.Contains(got.body, text) {
		return errors.New("it does not come back whole")
	}
	return nil
}

// apisAndURLs returns the sources whose events can have 6 MB.
func apisAndURLs() []frontdoor.Source {
	return append(apis(), frontdoor.FunctionURL, frontdoor.VPCLattice, frontdoor.VPCLatticeV1)
}

// endedStream checks for one message and the error that the deadline has passed.
func endedStream(got reply) error {
	if got.status != http.StatusOK || got.broken {
		return got.failed()
	}
	lines := strings.Split(strings.TrimSpace(got.body), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[1], `{"error":{"code":4,`) {
		return fmt.Errorf("ends with %s", abridged(lines[len(lines)-1]))
	}
	return nil
}

// slashes requests items whose names have an encoded slash.
func slashes(s *subject) error {
	t, err := s.open(setup{serve: "services"})
	if err != nil {
		return err
	}
	for target, want := range map[string]string{"/test/v1/items/a%2Fb": "a/b", "/test/v1/shelves/a%2Fb/item": "shelves/a%2Fb"} {
		got := t.send(get(target))
		if s.place.source == frontdoor.HTTPAPI || s.place.source == frontdoor.HTTPAPIv1 {
			if err := wantError(got, 404, 5); err != nil {
				return err
			}
			continue
		}
		var answer struct{ Item struct{ Name string } }
		if got.status != http.StatusOK || json.Unmarshal([]byte(got.body), &answer) != nil {
			return got.failed()
		}
		if answer.Item.Name != want {
			return arrived([]string{answer.Item.Name})
		}
	}
	return nil
}

// invalidUTF8 sends bytes that are not UTF-8. If the source replaces them, the request
// that arrives is valid.
func invalidUTF8(s *subject) error {
	t, err := s.open(setup{serve: "services"})
	if err != nil {
		return err
	}
	post := func(contentType, body string) request {
		return request{method: "POST", target: probe.CollectPath, header: []string{"Content-Type: " + contentType}, body: body}
	}
	text := slices.DeleteFunc(frontdoor.Sources(), func(s frontdoor.Source) bool { return s == frontdoor.RESTAPI })
	for _, c := range []struct {
		r        request
		replaced []frontdoor.Source
	}{
		{get("/v1/echo/a%ff"), []frontdoor.Source{frontdoor.HTTPAPI, frontdoor.HTTPAPIv1}},
		{get("/v1/echo/a?text=%ff"), []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPIv1}},
		{get("/v1/echo/a?nested.name=%c3%28"), []frontdoor.Source{frontdoor.RESTAPI, frontdoor.HTTPAPIv1}},
		{post("application/json", "{\"text\":\"\xff\"}"), text},
		{post("application/x-ndjson", "{\"text\":\"\xff\"}"), nil}, // in base64, or as bytes
		{post("application/json", `{"text":"\ud800"}`), nil},
	} {
		got := t.send(c.r)
		if slices.Contains(c.replaced, s.place.source) {
			if got.status != http.StatusOK {
				return got.failed()
			}
		} else if err := wantError(got, 400, 3); err != nil {
			return fmt.Errorf("%s: %w", c.r.target, err)
		}
	}
	return nil
}
