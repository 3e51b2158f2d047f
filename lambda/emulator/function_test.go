package emulator_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// invoke invokes f and decodes the response into a T.
func invoke[T any](t *testing.T, f *emulator.Function, c command) T {
	t.Helper()
	response, err := f.Invoke(t.Context(), c.payload(t))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(response.Payload, &v); err != nil {
		t.Fatalf("response %q: %v", response.Payload, err)
	}
	return v
}

func TestDo_PassesMetadataAndEnvironment(t *testing.T) {
	cfg := config(t, "commands", "OWN=value", "OWN=last value")
	cfg.Name, cfg.Region, cfg.AccountID, cfg.MemoryMB = "pong", "eu-west-1", "111122223333", 256
	cfg.Timeout = time.Minute
	f := start(t, cfg)
	before := time.Now()
	response, err := f.Do(t.Context(), emulator.Request{
		Payload: command{Do: "tell"}.payload(t), TraceID: "Root=1-2-3", TenantID: "blue",
		ClientContext: `{"client":{"app_title":"app"}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got invocationInfo
	if err := json.Unmarshal(response.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if d := got.Deadline.Sub(before); d < cfg.Timeout-time.Second || d > 2*cfg.Timeout {
		t.Errorf("deadline is %v after the call, want about %v", d, cfg.Timeout)
	}
	env := got.Env
	got.Env, got.Deadline = nil, time.Time{}
	want := invocationInfo{
		Pid: f.Pid(), RequestID: response.RequestID, ARN: "arn:aws:lambda:eu-west-1:111122223333:function:pong",
		Tenant: "blue", Trace: "Root=1-2-3", Client: "app", Dir: filepath.Dir(cfg.Path),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if response.ContentType != "application/json" {
		t.Errorf("content type %q", response.ContentType)
	}
	for _, kv := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=pong", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_REGION=eu-west-1", "LAMBDA_TASK_ROOT=" + filepath.Dir(cfg.Path), "_HANDLER=bootstrap",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/pong", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"TMPDIR=" + f.Config().TempDir, "OWN=last value", "_X_AMZN_TRACE_ID=Root=1-2-3",
	} {
		if !slices.Contains(env, kv) {
			t.Errorf("environment lacks %s", kv)
		}
	}
	if i := slices.IndexFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "HOME=") }); i >= 0 {
		t.Errorf("the emulator's own %s reached the function", env[i])
	}
}

func TestInvoke_Failures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		command command
		want    emulator.FunctionError
		is      error
		lives   bool // the same process serves the next invocation
	}{
		"a returned error is reported and the process lives": {
			command: command{Do: "fail", Text: "no luck"},
			want:    emulator.FunctionError{Type: "errorString", Message: "no luck"},
			lives:   true,
		},
		"a panic is reported and ends the process": {
			command: command{Do: "panic", Text: "at the disco"},
			want:    emulator.FunctionError{Type: "string", Message: "at the disco"},
		},
		"an exit is reported with its status": {
			command: command{Do: "exit", N: 4},
			want:    emulator.FunctionError{Type: "Runtime.ExitError", Message: "RequestId: ID Error: Runtime exited with error: exit status 4"},
			is:      emulator.ErrExited,
		},
		"an exit with status 0 is also a failure": {
			command: command{Do: "exit"},
			want:    emulator.FunctionError{Type: "Runtime.ExitError", Message: "RequestId: ID Error: Runtime exited without providing a reason"},
			is:      emulator.ErrExited,
		},
		"an invocation past its deadline fails and the process is ended": {
			command: command{Do: "hang"},
			want:    emulator.FunctionError{Type: "Sandbox.Timedout", Message: "RequestId: ID Error: Task timed out after 1.50 seconds"},
			is:      emulator.ErrTimeout,
		},
		"a response one byte over the limit is refused, which ends aws-lambda-go": {
			command: command{Do: "large", N: emulator.MaxResponseBytes + 1},
			want:    emulator.FunctionError{Type: "Function.ResponseSizeTooLarge", Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes)."},
			is:      emulator.ErrResponseTooLarge,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, "commands")
			if errors.Is(test.is, emulator.ErrTimeout) {
				cfg.Timeout = 1500 * time.Millisecond
			}
			f := start(t, cfg)
			pid := f.Pid()
			_, err := f.Invoke(t.Context(), test.command.payload(t))
			var got *emulator.FunctionError
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a FunctionError", err)
			}
			if got.RequestID == "" || len(got.Payload) == 0 || got.Error() == "" {
				t.Errorf("%#v lacks its request id, payload or text", got)
			}
			message := strings.ReplaceAll(got.Message, got.RequestID, "ID")
			if got.Type != test.want.Type || message != test.want.Message {
				t.Errorf("got %s: %s\nwant %s: %s", got.Type, message, test.want.Type, test.want.Message)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("errors.Is(%v, %v) is false", err, test.is)
			}
			if again := invoke[string](t, f, command{Do: "echo", Text: "hello"}); again != "hello" {
				t.Errorf("next invocation: response %q", again)
			}
			if lives := f.Pid() == pid; lives != test.lives {
				t.Errorf("served by the same process: %v, want %v", lives, test.lives)
			}
		})
	}
}

func TestInvoke_SizeLimits(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "commands"))
	response, err := f.Invoke(t.Context(), command{Do: "large", N: emulator.MaxResponseBytes}.payload(t))
	if err != nil || len(response.Payload) != emulator.MaxResponseBytes {
		t.Errorf("largest response: %d bytes, %v", len(response.Payload), err)
	}
	const frame = len(`{"Do":"echo","Text":""}`)
	largest := []byte(`{"Do":"echo","Text":"` + strings.Repeat("x", emulator.MaxRequestBytes-frame) + `"}`)
	response, err = f.Invoke(t.Context(), largest)
	if err != nil || len(response.Payload) != emulator.MaxRequestBytes-frame+2 {
		t.Errorf("largest request: response of %d bytes, %v", len(response.Payload), err)
	}
	if _, err := f.Invoke(t.Context(), append(largest, ' ')); !errors.Is(err, emulator.ErrRequestTooLarge) {
		t.Errorf("request one byte over the limit: %v", err)
	}
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want the first one only", n)
	}
}

func TestStart_InitFailures(t *testing.T) {
	missing := emulator.Config{Path: filepath.Join(t.TempDir(), "bootstrap")}
	slow := config(t, "hang-in-init")
	slow.InitTimeout = 300 * time.Millisecond
	lazy := config(t, "raw", "RAW=lazy-extension")
	lazy.InitTimeout = 300 * time.Millisecond
	for name, test := range map[string]struct {
		cfg  emulator.Config
		is   []error
		text string
	}{
		"a process that exits before it asks for an event": {
			config(t, "exit-in-init"), []error{emulator.ErrInit, emulator.ErrExited}, "exit status 7",
		},
		"a process that never asks for an event":  {slow, []error{emulator.ErrInit, emulator.ErrTimeout}, "300ms"},
		"an extension that never asks for events": {lazy, []error{emulator.ErrInit, emulator.ErrTimeout}, "300ms"},
		"a binary that does not exist":            {missing, []error{emulator.ErrInit, os.ErrNotExist}, missing.Path},
		"a runtime that reports an init error":    {config(t, "raw", "RAW=init-error"), []error{emulator.ErrInit}, "Bad.Config: no table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			f, err := emulator.Start(t.Context(), test.cfg)
			if err == nil {
				t.Fatal("no error", f.Close())
			}
			for _, target := range test.is {
				if !errors.Is(err, target) {
					t.Errorf("errors.Is(%v, %v) is false", err, target)
				}
			}
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %q does not mention %q", err, test.text)
			}
			if left, err := filepath.Glob(os.Getenv("TMPDIR") + "/*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestInvoke_RetriesFailedRestart(t *testing.T) {
	f := start(t, config(t, "exit-after-first-life"))
	f.Kill()
	for range 2 {
		if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, emulator.ErrInit) {
			t.Fatalf("error %v, want ErrInit", err)
		}
	}
	if err := os.Remove(filepath.Join(f.Config().TempDir, "lived")); err != nil {
		t.Fatal(err)
	}
	if got := invoke[string](t, f, command{Do: "echo", Text: "back"}); got != "back" {
		t.Errorf("response %q", got)
	}
}

func TestStart_InvalidConfig(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  emulator.Config
		want string
	}{
		"no path":             {emulator.Config{}, "no path"},
		"a reserved variable": {emulator.Config{Path: "x", Env: []string{"AWS_REGION=x"}}, "AWS_REGION is reserved"},
		"not a variable":      {emulator.Config{Path: "x", Env: []string{"NONE"}}, `"NONE" is not KEY=value`},
		"a negative duration": {emulator.Config{Path: "x", Timeout: -1}, "Timeout is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := emulator.Start(t.Context(), test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start: %v, %v; want an error with %q", f, err, test.want)
			}
		})
	}
}
