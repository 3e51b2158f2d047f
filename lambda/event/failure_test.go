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
	const lambda, balancer, lattice = 6_291_556, 1 << 20, 6 << 20
	each(t, func(t *testing.T, kind string) {
		limit := lambda
		if strings.HasPrefix(kind, "alb") {
			limit = balancer
		} else if strings.HasPrefix(kind, "vpc-lattice") {
			limit = lattice
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
		"a queue's messages":              {`{"Records":[{"body":"secret"}]}`, `event: not an HTTP event of API Gateway, a load balancer, VPC Lattice or a Function URL: its keys are ["Records"]`},
		"a scheduled event":               {`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`, `its keys are ["detail" "detail-type" "id" "source" "version"]`},
		"an empty test event":             {`{}`, "it is empty"},
		"a later VPC Lattice event":       {`{"version":"3.0","path":"/","method":"GET","requestContext":{"serviceArn":"secret"}}`, `those of its requestContext ["serviceArn"]`},
		"a version that is not known":     {`{"version":"3.0","httpMethod":"GET","path":"/"}`, `["httpMethod" "path" "version"]`},
		"an authorizer's event":           {`{"type":"REQUEST","methodArn":"arn","httpMethod":"GET","path":"/","requestContext":{}}`, "authorizer"},
		"one of payload 2.0":              {`{"version":"2.0","type":"REQUEST","routeArn":"arn","requestContext":{"http":{"method":"GET"}}}`, "authorizer"},
		"a WebSocket being opened":        {`{"httpMethod":"GET","path":"/","requestContext":{"eventType":"CONNECT","connectionId":"x"}}`, "WebSocket"},
		"a WebSocket's message":           {`{"requestContext":{"connectionId":"x"},"body":"hi"}`, "WebSocket"},
		"an array":                        {`[1,{"secret":2}]`, "it is an array"},
		"a string":                        {`"secret"`, "it is a string"},
		"a number":                        {` -1.5e3`, "it is a number"},
		"a boolean":                       {`true`, "it is a boolean"},
		"null":                            {`null`, "it is null"},
		"nothing":                         {``, "it is empty: it has no bytes"},
		"white space":                     {" \r\n", "it is empty: it has no bytes"},
		"a word":                          {`secret`, "decoding: invalid JSON at offset 0: expected a value"},
		"an array cut short":              {`["secret",`, "decoding: invalid JSON at offset 10"},
		"two values":                      {`1 2`, "decoding: invalid JSON at offset 2: expected the end of the text"},
		"a JSON text cut short":           {`{"httpMethod":"GET","path":"/`, "decoding: invalid JSON at offset"},
		"a large one cut short":           {`{"body":"` + strings.Repeat("x", 1<<16) + `","path":`, "decoding: invalid JSON at offset 65554"},
		"something behind the JSON":       {`{"httpMethod":"GET","path":"/"}x`, "decoding"},
		"a path that is an object":        {`{"httpMethod":"GET","path":{}}`, `decoding: "path" is an object, not a string`},
		"a context that is a string":      {`{"httpMethod":"GET","requestContext":"secret"}`, `decoding: "requestContext" is a string, not an object`},
		"a method that is an array":       {`{"requestContext":{"http":{"method":["secret"]}}}`, `decoding: "requestContext.http.method" is an array, not a string`},
		"an encoding that is a number":    {`{"isBase64Encoded":1}`, `decoding: "isBase64Encoded" is a number, not true or false`},
		"headers that are an array":       {`{"httpMethod":"GET","path":"/","requestContext":{"resourceId":"r","stage":"s"},"headers":["secret"]}`, `decoding: an event of rest-api: "headers" is an array, not an object`},
		"a header that is an object":      {`{"httpMethod":"GET","path":"/","requestContext":{"elb":{}},"headers":{"a":{"b":"secret"}}}`, `decoding: an event of alb: "headers.a" is an object, not a string`},
		"a parameter in parameters":       {`{"httpMethod":"GET","path":"/","requestContext":{"elb":{}},"multiValueQueryStringParameters":{"a":["1",{}]}}`, `"multiValueQueryStringParameters.a" is an object`},
		"a cookie that is an object":      {`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"cookies":[{}]}`, `an event of http-api: "cookies" is an object, not a string`},
		"claims that are a string":        {`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":"secret"}}}}`, `"requestContext.authorizer.jwt.claims" is a string, not an object`},
		"a body that is an object":        {`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"body":{"secret":1}}`, `an event of http-api: "body" is an object, not a string`},
		"an agent's event":                {agentEvent, `its keys are ["actionGroup" "agent" "apiPath" "httpMethod" "inputText" "messageVersion" "parameters" "requestBody" "sessionAttributes" "sessionId"]`},
		"a method that is an object":      {`{"method":{"name":"secret"},"request":{}}`, `its keys are ["method" "request"]`},
		"a method alone":                  {`{"httpMethod":"GET","path":"/"}`, `["httpMethod" "path"]`},
		"a method and a version":          {`{"httpMethod":"GET","path":"/","version":"1.0"}`, `["httpMethod" "path" "version"]`},
		"a method and an empty context":   {`{"httpMethod":"GET","path":"/","resource":"/","requestContext":{}}`, `["httpMethod" "path" "requestContext" "resource"]`},
		"a context of another kind":       {`{"httpMethod":"GET","requestContext":{"serviceArn":"secret","region":"r"}}`, `those of its requestContext ["region" "serviceArn"]`},
		"a version of payload 2.0":        {`{"version":"3.0","rawPath":"/","requestContext":{"http":{"method":"GET"},"domainName":"x.lambda-url.eu-west-1.on.aws"}}`, `["rawPath" "requestContext" "version"]`},
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
			if _, streamed := h.Stream(t.Context(), json.RawMessage(tt.payload)); streamed == nil || streamed.Error() != err.Error() {
				t.Errorf("in stream mode the error is %v", streamed)
			}
			var unsupported *event.UnsupportedEventError
			var malformed *event.MalformedEventError
			if isMalformed := strings.Contains(err.Error(), "decoding"); errors.As(err, &malformed) != isMalformed || errors.As(err, &unsupported) == isMalformed {
				t.Errorf("its type is %T", err)
			}
		})
	}
}

// agentEvent is what an agent of Amazon Bedrock sends to the function of an
// action group: it has a method, but is not HTTP.
const agentEvent = `{"messageVersion":"1.0","agent":{"name":"a","id":"I","alias":"A","version":"1"},"inputText":"secret","sessionId":"1",
	"actionGroup":"G","apiPath":"/send-reminders","httpMethod":"POST","parameters":[],"sessionAttributes":{},
	"requestBody":{"content":{"application/json":{"properties":[{"name":"claimId","type":"string","value":"20"}]}}}}`

func manyKeys(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"key%d":1`, i))
	}
	return strings.Join(members, ",")
}

// TestConcurrentInvocations runs invocations at once, as with
// AWS_LAMBDA_MAX_CONCURRENCY. Every fourth panics; the others must get their own
// response.
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
