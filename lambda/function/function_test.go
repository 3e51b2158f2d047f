package function_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
)

// The functions under test are this binary itself, which the emulator starts.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(runAsFunction) != "":
		function.Main(options()...)
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		function.Main(testservice.Options()...)
	}
	goleak.VerifyTestMain(m)
}

// testFunction is the function of the test services. The race detector would
// have it sleep before it exits.
func testFunction(t *testing.T, out *testlog.Buffer, env ...string) emulator.Config {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return emulator.Config{Path: path, Env: append([]string{"GORACE=atexit_sleep_ms=0"}, env...), Stdout: out, Stderr: out}
}

// start starts the function with env; its output and TMPDIR are the test's.
func start(t *testing.T, env ...string) (*emulator.Function, *testlog.Buffer) {
	t.Helper()
	out := &testlog.Buffer{}
	config := testFunction(t, out, env...)
	config.TempDir = t.TempDir()
	fn, err := emulator.Start(context.Background(), config)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := fn.Close(); err != nil {
			t.Error(err)
		}
	})
	return fn, out
}

// serve starts a front door of source for fn and returns its URL.
func serve(t *testing.T, fn *emulator.Function, source frontdoor.Source, options ...frontdoor.Option) string {
	t.Helper()
	door, err := frontdoor.New(fn, source, options...)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(door)
	t.Cleanup(s.Close)
	return s.URL
}

func do(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func checkPing(t *testing.T, url string) {
	t.Helper()
	if code, body := do(t, "GET", url+"/v1/ping", ""); code != 200 || body != `{"message":"Pong"}` {
		t.Errorf("ping: %d %s", code, body)
	}
}

func TestPingEchoAndStreamFromEachSourceOnEachTransport(t *testing.T) {
	for name, env := range map[string][]string{
		"unset":   nil,
		"unix":    {"TRANSPORT=unix"},
		"bufconn": {"TRANSPORT=bufconn"},
		"inproc":  {"TRANSPORT=inproc"},
		"tcp":     {"TRANSPORT=tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			fn, out := start(t, env...)
			for _, source := range frontdoor.Sources() {
				t.Run(string(source), func(t *testing.T) {
					url := serve(t, fn, source)
					checkPing(t, url)
					code, body := do(t, "POST", url+"/v1/echo/7", `{"text":"a, \"b\" ü","tags":["x","y"],"number":"-5","data":"/wA="}`)
					checkEcho(t, code, body, `{"id":"7","text":"a, \"b\" ü","tags":["x","y"],"number":"-5","data":"/wA=","time":null,"nested":null}`)
					code, body = do(t, "GET", url+"/v1/echo/7?text=a%2Bb+c&tags=1&tags=2&nested.name=n", "")
					tags := `["1","2"]`
					if source == frontdoor.ALB {
						tags = `["2"]` // without multi-value headers, it passes on the last one alone
					}
					checkEcho(t, code, body, `{"id":"7","text":"a+b c","tags":`+tags+`,"number":"0","data":"","time":null,"nested":{"name":"n","count":0}}`)
					code, body = do(t, "GET", url+"/v1/echo/7/stream?count=5&interval=1ms", "")
					checkStream(t, code, body, 5)
				})
			}
			want := name
			if name == "unset" {
				want = "unix"
			}
			fn.Close() // when it returns, everything printed has arrived
			if !strings.Contains(out.String(), "transport="+want+" ") || !strings.Contains(out.String(), "requestId=") {
				t.Errorf("the log names neither %s nor a request:\n%s", want, out)
			}
		})
	}
}

func checkEcho(t *testing.T, code int, body, want string) {
	t.Helper()
	var got, wanted any
	if err := errors.Join(json.Unmarshal([]byte(body), &got), json.Unmarshal([]byte(want), &wanted)); err != nil {
		t.Fatalf("echo: %d %s: %v", code, body, err)
	}
	if diff := cmp.Diff(wanted, got); code != 200 || diff != "" {
		t.Errorf("echo: %d, -want +got:\n%s", code, diff)
	}
}

// checkStream checks that body has count messages, numbered from 1.
func checkStream(t *testing.T, code int, body string, count int) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	for i := 1; i <= count; i++ {
		var message struct{ Result struct{ Sequence int } }
		if err := decoder.Decode(&message); err != nil || message.Result.Sequence != i {
			t.Fatalf("message %d: %+v, %v in %d %s", i, message, err, code, body)
		}
	}
	if decoder.More() {
		t.Errorf("more than %d messages: %s", count, body)
	}
}

func TestAnEventThatIsNotHTTPIsAClearError(t *testing.T) {
	fn, _ := start(t)
	for _, payload := range []string{`{"Records":[{"eventSource":"aws:sqs"}]}`, `{}`, `[]`, `{"requestContext":{"connectionId":"x"}}`} {
		_, err := fn.Invoke(t.Context(), []byte(payload))
		var failure *emulator.FunctionError
		if !errors.As(err, &failure) || !strings.Contains(failure.Message, "event") {
			t.Errorf("%s: %v, want an error of the function that says so", payload, err)
		}
	}
	checkPing(t, serve(t, fn, frontdoor.HTTPAPI))
}

func TestWithoutAWritableTempDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file") // nobody can make a directory in it, root neither
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("the default falls back to bufconn with one warning", func(t *testing.T) {
		fn, out := start(t, "TMPDIR="+file)
		checkPing(t, serve(t, fn, frontdoor.HTTPAPI))
		fn.Close()
		if n := strings.Count(out.String(), "level=WARN"); n != 1 || !strings.Contains(out.String(), "transport=bufconn") {
			t.Errorf("%d warnings:\n%s", n, out)
		}
	})
	t.Run("unix alone is an error", func(t *testing.T) {
		checkRefused(t, []string{"TMPDIR=" + file, "TRANSPORT=unix"}, "transport unix", "making a directory", file)
	})
}

func TestMistakesInTheEnvironmentEndTheProcess(t *testing.T) {
	for env, want := range map[string][]string{
		"TRANSPORT=nonsense":      {`TRANSPORT="nonsense"`, "unix, bufconn, inproc, tcp"},
		"LOG_LEVEL=loud":          {`LOG_LEVEL="loud"`, "debug, info, warn, error"},
		"RESPONSE_MODE=Stream":    {`RESPONSE_MODE="Stream"`, "buffered, stream"},
		"METRICS=on":              {`METRICS="on"`, "off, emf"},
		"DEADLINE_MARGIN=500":     {`DEADLINE_MARGIN="500"`, "unit"},
		"DEADLINE_MARGIN=-1s":     {`DEADLINE_MARGIN="-1s"`, "negative"},
		"CORS_ORIGINS=a.com":      {`CORS_ORIGINS="a.com"`, "scheme://host"},
		"CORS_ORIGINS=*,a.com":    {`CORS_ORIGINS="*,a.com"`, "alone"},
		"HTTP_ADDRESS=:8080":      {`HTTP_ADDRESS=":8080"`, "local server", "unset"},
		"AWS_LAMBDA_LOG_LEVEL=no": {`LOG_LEVEL="no"`, "debug, info, warn, error"},
	} {
		t.Run(env, func(t *testing.T) { checkRefused(t, []string{env}, want...) })
	}
}

// checkRefused checks that the function exits with a code other than 0 and names
// the mistake.
func checkRefused(t *testing.T, env []string, want ...string) {
	t.Helper()
	out := &testlog.Buffer{}
	fn, err := emulator.Start(t.Context(), testFunction(t, out, env...))
	if err == nil {
		fn.Close()
		t.Fatal("the function started")
	}
	if !errors.Is(err, emulator.ErrInit) || !strings.Contains(err.Error(), "Runtime.InitError") {
		t.Errorf("error %v, want the report of an init that failed", err)
	}
	for _, w := range want {
		if !strings.Contains(out.String(), w) {
			t.Errorf("output %q does not say %q", out, w)
		}
		if !strings.Contains(err.Error(), w) {
			t.Errorf("what Lambda is told, %q, does not say %q", err, w)
		}
	}
}

func TestRestartsAfterKillAndLeavesNothingBehind(t *testing.T) {
	for _, transport := range []string{"unix", "bufconn"} {
		t.Run(transport, func(t *testing.T) {
			fn, _ := start(t, "TRANSPORT="+transport)
			url := serve(t, fn, frontdoor.HTTPAPI)
			seen := map[int]bool{}
			for range 20 {
				checkPing(t, url)
				seen[fn.Pid()] = true
				fn.Kill()
			}
			checkPing(t, url)
			if len(seen) != 20 {
				t.Errorf("%d processes served, want 20", len(seen))
			}
			if err := fn.Close(); err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(fn.Config().TempDir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestStopsCleanlyOnSIGTERM(t *testing.T) {
	fn, out := start(t, "METRICS=emf")
	checkPing(t, serve(t, fn, frontdoor.HTTPAPI))
	if err := fn.Close(); err != nil {
		t.Fatal(err)
	}
	processes := fn.Processes()
	if state := processes[len(processes)-1].State; state == nil || !state.Success() {
		t.Errorf("ended with %v, want success\n%s", state, out)
	}
}

func TestServesAfterAFreeze(t *testing.T) {
	for _, transport := range []string{"unix", "bufconn", "inproc", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			fn, _ := start(t, "TRANSPORT="+transport)
			url := serve(t, fn, frontdoor.FunctionURL)
			for range 5 {
				checkPing(t, url)
				if err := fn.Pause(); err != nil {
					t.Fatal(err)
				}
				if err := fn.Resume(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestMetricsGoToTheLog(t *testing.T) {
	for _, mode := range []string{"buffered", "stream"} {
		t.Run(mode, func(t *testing.T) {
			fn, out := start(t, "METRICS=emf", "RESPONSE_MODE="+mode)
			var options []frontdoor.Option
			if mode == "stream" {
				options = append(options, frontdoor.WithStreaming())
			}
			url := serve(t, fn, frontdoor.FunctionURL, options...)
			checkPing(t, url)
			checkPing(t, url)
			if err := fn.Close(); err != nil {
				t.Fatal(err)
			}
			handled := 0.0
			for line := range strings.Lines(out.String()) {
				var record map[string]any
				if json.Unmarshal([]byte(line), &record) == nil && record["_aws"] != nil && record["grpc_method"] == "Ping" {
					n, _ := record["grpc_server_handled_total"].(float64)
					handled += n
				}
			}
			if handled != 2 {
				t.Errorf("the metrics count %v calls, want 2:\n%s", handled, out)
			}
		})
	}
}

func TestStreamModeSendsEachMessageWhenItIsMade(t *testing.T) {
	for _, source := range []frontdoor.Source{frontdoor.FunctionURL, frontdoor.RESTAPI} {
		t.Run(string(source), func(t *testing.T) {
			fn, _ := start(t, "RESPONSE_MODE=stream")
			url := serve(t, fn, source, frontdoor.WithStreaming())
			// The stream takes over an hour: what arrives has not waited for its end.
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/echo/7/stream?count=1000&interval=10s", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var message struct{ Result struct{ Sequence int } }
			if err := json.NewDecoder(response.Body).Decode(&message); err != nil || message.Result.Sequence != 1 {
				t.Errorf("first message: %+v, %v", message, err)
			}
		})
	}
}

func TestJSONLogsHaveTheKeysThatLambdaLooksFor(t *testing.T) {
	fn, out := start(t, "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=INFO")
	checkPing(t, serve(t, fn, frontdoor.HTTPAPI))
	fn.Close()
	var record map[string]any
	if err := json.Unmarshal([]byte(out.String()), &record); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, key := range []string{"timestamp", "level", "message", "requestId", "grpc.method", "grpc.code", "grpc.time_ms"} {
		if record[key] == nil {
			t.Errorf("no %s in %s", key, out)
		}
	}
}

func TestManyAtOnceInOneProcess(t *testing.T) {
	for _, transport := range []string{"unix", "bufconn", "inproc", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			out := &testlog.Buffer{}
			config := testFunction(t, out, "TRANSPORT="+transport)
			config.Concurrency = 16
			fn, err := emulator.Start(context.Background(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer fn.Close()
			url := serve(t, fn, frontdoor.HTTPAPI)
			var wg sync.WaitGroup
			for worker := range 16 {
				wg.Go(func() {
					for i := range 20 {
						want := fmt.Sprintf("%d-%d", worker, i)
						code, body := do(t, "GET", url+"/v1/echo/"+want, "")
						var got struct{ ID string }
						if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || got.ID != want {
							t.Errorf("%s: %v, %d %s", want, err, code, body)
						}
					}
				})
			}
			wg.Wait()
			if n := len(fn.Processes()); n != 1 {
				t.Errorf("%d processes, want 1", n)
			}
		})
	}
}
