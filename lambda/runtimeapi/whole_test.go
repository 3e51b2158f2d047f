package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// TestWholeFunction runs gRPC services, gateway and event handler over each
// transport. It ends the function with calls in flight, which must all complete.
func TestWholeFunction(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"unix", "bufconn", "inproc"} {
		for _, mode := range []string{"buffered", "stream"} {
			for _, calls := range []int{1, 8} {
				t.Run(fmt.Sprint(transport, " ", mode, " ", calls), func(t *testing.T) {
					t.Parallel()
					for range repetitions(t, 2) {
						testWholeFunction(t, transport, mode, calls)
					}
				})
			}
		}
	}
}

func testWholeFunction(t *testing.T, transport, mode string, calls int) {
	started := &testlog.Buffer{}
	f, out := start(t, "services", emulator.Config{
		Env:         []string{"TRANSPORT=" + transport, "RESPONSE_MODE=" + mode},
		Concurrency: calls, ShutdownGrace: 10 * time.Second, Logger: debug(started),
	})
	if status, err := ping(f, mode, 0, "rested"); status != 200 || err != nil {
		t.Fatalf("%d, %v\n%s", status, err, out)
	}
	out.Wait(t, "rested")
	var answered atomic.Int64
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			status, err := ping(f, mode, rand.IntN(100), "")
			if status == 200 && err == nil {
				answered.Add(1)
			} else if !errors.Is(err, emulator.ErrClosed) {
				t.Errorf("%d, %v", status, err)
			}
		})
	}
	time.Sleep(rand.N(120 * time.Millisecond))
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if n := strings.Count(started.String(), "invocation started") - 1; n != int(answered.Load()) {
		t.Errorf("the function took %d calls and answered %d: %s", n, answered.Load(), out)
	}
	if p := f.Processes()[0]; p.State == nil || p.State.ExitCode() != 0 {
		t.Errorf("the function ended with %v", p.State)
	}
	if got := out.String(); !strings.HasSuffix(got, "closed\n") {
		t.Errorf("printed %s", got)
	}
}

// ping calls Ping, which takes delay milliseconds, and returns the status of the
// response.
func ping(f *emulator.Function, mode string, delay int, after string) (int, error) {
	event := fmt.Sprintf(`{"version":"2.0","rawPath":"/v1/ping","headers":{"host":"x.lambda-url.eu-west-1.on.aws","x-delay":"%d","x-after":%q},
		"requestContext":{"domainName":"x.lambda-url.eu-west-1.on.aws","http":{"method":"GET","path":"/v1/ping","sourceIp":"203.0.113.7"}}}`, delay, after)
	var head []byte
	if mode == "stream" {
		s, err := f.Stream(context.Background(), emulator.Request{Payload: []byte(event)})
		if err != nil {
			return 0, err
		}
		defer s.Body.Close()
		body, err := io.ReadAll(s.Body)
		if err != nil || string(body) != `{"message":"Pong"}` {
			return 0, fmt.Errorf("body %q: %w", body, err)
		}
		head = s.Prelude
	} else {
		r, err := f.Invoke(context.Background(), []byte(event))
		if err != nil {
			return 0, err
		}
		head = r.Payload
	}
	var got struct{ StatusCode int }
	err := json.Unmarshal(head, &got)
	return got.StatusCode, err
}
