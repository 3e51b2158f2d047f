package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// Triggers of every kind, in the form of the variable EVENTS.
const events = "sqs:orders=test.v1.EchoService/Echo,sqs:orders.fifo=test.v1.EchoService/Echo,sns:news=test.v1.EchoService/Echo," +
	"eventbridge:com.example.shop:Order Placed=test.v1.EchoService/Echo,schedule:sweep=test.v1.PingService/Ping," +
	"dynamodb:items=test.v1.EchoService/Echo,kinesis:clicks=test.v1.EchoService/Echo,s3:photos=test.v1.PingService/Ping,direct,warmer"

func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../trigger/testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(text, []byte("example.v1."), []byte("test.v1.")) // the samples are for this repository's own function
}

// The real binary handles a sample of each kind on each transport, also with
// response streaming. The log has the calls by the ids of their items.
func TestSampleEventsOnEachTransport(t *testing.T) {
	const failed = `{"batchItemFailures":[%s]}`
	item := func(id string) string { return fmt.Sprintf(`{"itemIdentifier":"%s"}`, id) }
	for _, env := range [][]string{{"TRANSPORT=unix"}, {"TRANSPORT=bufconn", "RESPONSE_MODE=stream"}, {"TRANSPORT=inproc"}, {"TRANSPORT=tcp"}} {
		t.Run(env[0], func(t *testing.T) {
			fn, out := start(t, append(env, "EVENTS="+events)...)
			var calls []string
			for name, test := range map[string]struct {
				answer string
				calls  []string // the ids that the log has
			}{
				"sqs": {fmt.Sprintf(failed, item("7f1c0c3e-0000-4000-8000-000000000002")),
					[]string{"7f1c0c3e-0000-4000-8000-000000000001", "7f1c0c3e-0000-4000-8000-000000000003"}},
				"sqs-fifo":    {fmt.Sprintf(failed, item("7f1c0c3e-0000-4000-8000-000000000002")+","+item("7f1c0c3e-0000-4000-8000-000000000003")), nil},
				"sns":         {`{}`, []string{"0b1c2d3e-0000-4000-8000-000000000002"}},
				"eventbridge": {`{}`, []string{"0b1c2d3e-0000-4000-8000-000000000003"}},
				"schedule":    {`{}`, []string{"0b1c2d3e-0000-4000-8000-000000000004"}},
				"scheduler":   {`{}`, []string{"0b1c2d3e-0000-4000-8000-000000000005"}},
				"dynamodb":    {fmt.Sprintf(failed, ""), []string{"00000000000000000000000000000006", "00000000000000000000000000000007"}},
				"kinesis": {fmt.Sprintf(failed, item("49500000000000000000000000000000000000000000000000000009")),
					[]string{"shardId-000000000000:49500000000000000000000000000000000000000000000000000008"}},
				"s3":     {`{}`, []string{"C3D13FE58DE4C810"}},
				"warmer": {`{}`, nil},
			} {
				response, err := fn.Invoke(t.Context(), sample(t, name))
				if diff := cmp.Diff(test.answer, string(response.Payload)); err != nil || diff != "" {
					t.Errorf("%s: %v %s", name, err, diff)
				}
				calls = append(calls, test.calls...)
			}
			response, err := fn.Invoke(t.Context(), sample(t, "direct"))
			var echoed struct{ ID, Text string }
			if err := errors.Join(err, json.Unmarshal(response.Payload, &echoed)); err != nil || echoed.ID != "11" || echoed.Text != "eleven" {
				t.Errorf("direct: %s, %v", response.Payload, err)
			}
			_, err = fn.Invoke(t.Context(), []byte(`{"method":"test.v1.EchoService/Echo","request":{"number":"x"}}`))
			var failure *emulator.FunctionError
			if !errors.As(err, &failure) || failure.Type != "InvalidArgument" || !strings.Contains(failure.Message, `"code":3`) {
				t.Errorf("direct: %v", err)
			}
			if env[0] != "TRANSPORT=bufconn" {
				checkPing(t, serve(t, fn, frontdoor.HTTPAPI))
			}
			fn.Close() // when it returns, everything printed has arrived
			for _, id := range calls {
				if !strings.Contains(out.String(), " requestId="+id+" ") {
					t.Errorf("no call for %s in\n%s", id, out)
				}
			}
		})
	}
}

func TestMistakesInEventsEndTheProcess(t *testing.T) {
	for env, want := range map[string][]string{
		"EVENTS=sqs":                               {`EVENTS="sqs"`, "sqs:orders=orders.v1.Orders/Create"},
		"EVENTS=sqs:q=test.v1.EchoService/Buy":     {"sqs:q", `"test.v1.EchoService/Buy"`, "no such method"},
		"EVENTS=sns:t=shop.v1.Shop/Buy":            {"sns:t", `"shop.v1.Shop/Buy"`, "not bound", "test.v1.EchoService"},
		"EVENTS=s3=test.v1.EchoService/EchoStream": {"EchoStream", "unary"},
		"FAIL_ON_5XX=true":                         {`FAIL_ON_5XX="true"`, "on, off"},
	} {
		t.Run(env, func(t *testing.T) { checkRefused(t, []string{env}, want...) })
	}
}

// With FAIL_ON_5XX a 5xx fails the invocation, so Lambda retries an asynchronous
// one.
func TestFailOn5xx(t *testing.T) {
	for _, value := range []string{"on", "off"} {
		fn, out, err := startOwn(t, emulator.Config{Env: []string{"WORD=fails", "FAIL_ON_5XX=" + value}})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for path, status := range map[string]string{"/v1/none": `"statusCode":404`, "/v1/ping": `"statusCode":500`} {
			response, err := fn.Invoke(t.Context(), []byte(`{"version":"2.0","rawPath":"`+path+`","requestContext":{"apiId":"a","http":{"method":"GET","path":"`+path+`"}}}`))
			if value == "on" && path == "/v1/ping" {
				var failure *emulator.FunctionError
				if !errors.As(err, &failure) || failure.Type != "ServerError" || !strings.Contains(failure.Message, "500") {
					t.Errorf("%s: %s, %v", path, response.Payload, err)
				}
				continue
			}
			if err != nil || !strings.Contains(string(response.Payload), status) {
				t.Errorf("%s with %s: %s, %v", path, value, response.Payload, err)
			}
		}
	}
}

// Sixteen HTTP requests and triggers run at once in one process. Each gets its own
// response.
func TestHTTPAndTriggersAtOnce(t *testing.T) {
	for _, transport := range []string{"unix", "bufconn", "inproc", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			out := &testlog.Buffer{}
			config := testFunction(t, out, "TRANSPORT="+transport, "EVENTS="+events, "LOG_LEVEL=error")
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
					for i := range 10 {
						id := fmt.Sprintf("%d-%d", worker, i)
						if (worker+i)%2 == 0 {
							code, body := do(t, "GET", url+"/v1/echo/"+id, "")
							var got struct{ ID string }
							if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || got.ID != id {
								t.Errorf("%s: %v, %d %s", id, err, code, body)
							}
							continue
						}
						want := fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":"%s"}]}`, id)
						response, err := fn.Invoke(t.Context(), fmt.Appendf(nil,
							`{"Records":[{"messageId":"good","body":"{}","eventSource":"aws:sqs","eventSourceARN":"a:orders"},{"messageId":"%s","body":"","eventSource":"aws:sqs","eventSourceARN":"a:orders"}]}`, id))
						if err != nil || string(response.Payload) != want {
							t.Errorf("%s: %s, %v", id, response.Payload, err)
						}
					}
				})
			}
			wg.Wait()
			if n := len(fn.Processes()); n != 1 {
				t.Errorf("%d processes, want 1\n%s", n, out)
			}
		})
	}
}

// An after-function of an RPC handler also runs after the response to a trigger's
// event.
func TestAfter_InACallOfATrigger(t *testing.T) {
	answered := filepath.Join(t.TempDir(), "answered")
	fn, out, err := startOwn(t, emulator.Config{Env: []string{"TRANSPORT=inproc", "AFTER=" + answered, "EVENTS=schedule=test.v1.PingService/Ping"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for range 2 { // the second invocation begins when the function of the first has ended
		if _, err := fn.Invoke(t.Context(), sample(t, "schedule")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(answered, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fn.Close() // when it returns, everything printed has arrived
	if !strings.Contains(out.String(), "after the answer: true") {
		t.Errorf("the function did not run before the next invocation:\n%s", out)
	}
}
