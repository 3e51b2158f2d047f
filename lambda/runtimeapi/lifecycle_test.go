package runtimeapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// start starts a function of this test binary in the emulator.
func start(t *testing.T, name string, cfg emulator.Config) (*emulator.Function, *testlog.Buffer) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := &testlog.Buffer{}
	cfg.Path, cfg.Stdout, cfg.Stderr = path, out, out
	// The race detector sleeps for a second before a process exits, unless told not to.
	cfg.Env = append(cfg.Env, "FUNCTION="+name, "GORACE=atexit_sleep_ms=0")
	f, err := emulator.Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, out
}

// invokeFunction invokes the function, buffered or streamed, and returns its response.
func invokeFunction(t *testing.T, f *emulator.Function, streamed bool, n nap) (string, error) {
	t.Helper()
	if !streamed {
		r, err := f.Invoke(t.Context(), n.payload())
		return string(r.Payload), err
	}
	s, err := f.Stream(t.Context(), emulator.Request{Payload: n.payload()})
	if err != nil {
		return "", err
	}
	defer s.Body.Close()
	out, err := io.ReadAll(s.Body)
	return string(out), err
}

// repetitions returns how often tests with random delays are repeated:
// RUNTIMEAPI_REPETITIONS, or few.
func repetitions(t *testing.T, few int) int {
	v := os.Getenv("RUNTIMEAPI_REPETITIONS")
	if v == "" {
		return few
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("RUNTIMEAPI_REPETITIONS=%q: %v", v, err)
	}
	return n
}

// eachMode runs a test with responses that are buffered and streamed, in parallel
// with others.
func eachMode(t *testing.T, f func(t *testing.T, name string, streamed bool)) {
	t.Parallel()
	t.Run("buffered", func(t *testing.T) { t.Parallel(); f(t, "sleeper", false) })
	t.Run("streamed", func(t *testing.T) { t.Parallel(); f(t, "sleeping stream", true) })
}

// TestSIGTERMAtRandomMoments ends the function while calls are in flight. Every
// call that the function has taken gets a response, and it exits with 0 in time.
func TestSIGTERMAtRandomMoments(t *testing.T) {
	eachMode(t, func(t *testing.T, name string, streamed bool) {
		for _, calls := range []int{1, 8} {
			t.Run(fmt.Sprint(calls), func(t *testing.T) {
				for range repetitions(t, 5) {
					testSIGTERM(t, name, streamed, calls)
				}
			})
		}
	})
}

func testSIGTERM(t *testing.T, name string, streamed bool, calls int) {
	started := &testlog.Buffer{}
	f, out := start(t, name, emulator.Config{Concurrency: calls, ShutdownGrace: 10 * time.Second, Logger: debug(started)})
	var answered atomic.Int64
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			n := nap{ID: fmt.Sprint(i), For: rand.N(100 * time.Millisecond)}
			got, err := invokeFunction(t, f, streamed, n)
			if err == nil && got == string(n.payload()) {
				answered.Add(1)
			} else if !errors.Is(err, emulator.ErrClosed) {
				t.Errorf("call %d: %q, %v", i, got, err)
			}
		})
	}
	time.Sleep(rand.N(120 * time.Millisecond))
	began := time.Now()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if n := strings.Count(started.String(), "invocation started"); n != int(answered.Load()) {
		t.Errorf("the function took %d calls and answered %d: %s", n, answered.Load(), out)
	}
	p := f.Processes()[0]
	if p.State == nil || p.State.ExitCode() != 0 || !strings.Contains(out.String(), "shutdown\n") {
		t.Fatalf("the function ended with %v: %s", p.State, out)
	}
	if took := p.Exited.Sub(began); took > 500*time.Millisecond {
		t.Logf("it took %v: is the machine busy?", took)
	}
}

// debug returns a logger that logs everything.
func debug(l *testlog.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestSIGKILLUnderLoad(t *testing.T) {
	const workers = 4
	f, out := start(t, "sleeper", emulator.Config{Concurrency: workers, TempDir: t.TempDir()})
	lives := repetitions(t, 10)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				sent := nap{ID: fmt.Sprint(i, n), For: rand.N(5 * time.Millisecond)}
				got, err := invokeFunction(t, f, false, sent)
				if err == nil && got != string(sent.payload()) || err != nil && !errors.Is(err, emulator.ErrExited) {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	for range lives {
		time.Sleep(rand.N(50 * time.Millisecond))
		f.Kill()
	}
	close(stop)
	wg.Wait()
	if got, err := invokeFunction(t, f, false, nap{ID: "last"}); err != nil || !strings.Contains(got, "last") {
		t.Errorf("after it: %q, %v\n%s", got, err, out)
	}
}

func TestFreeze_ClosesConnections(t *testing.T) {
	freeze := 300 * time.Millisecond
	if v := os.Getenv("RUNTIMEAPI_FREEZE"); v != "" {
		var err error
		if freeze, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	eachMode(t, func(t *testing.T, name string, streamed bool) {
		// Paused before it asks for the next event, the process is within its invocation.
		f, out := start(t, name, emulator.Config{DropConnections: true, Timeout: 30*time.Second + freeze})
		for i := range 5 {
			if err := f.Pause(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(freeze)
			if i == 2 { // once, the process thaws and freezes again without an event
				if err := errors.Join(f.Resume(), f.Pause()); err != nil {
					t.Fatal(err)
				}
			}
			n := nap{ID: fmt.Sprint(i)}
			if got, err := invokeFunction(t, f, streamed, n); err != nil || got != string(n.payload()) {
				t.Fatalf("after freeze %d: %q, %v\n%s", i, got, err, out)
			}
		}
		if n := len(f.Processes()); n != 1 {
			t.Errorf("%d processes: %s", n, out)
		}
	})
}

func TestFreeze_BetweenInvocations(t *testing.T) {
	eachMode(t, func(t *testing.T, name string, streamed bool) {
		f, out := start(t, name, emulator.Config{Freeze: true, DropConnections: true})
		for i := range 20 {
			n := nap{ID: fmt.Sprint(i)}
			if got, err := invokeFunction(t, f, streamed, n); err != nil || got != string(n.payload()) {
				t.Fatalf("invocation %d: %q, %v\n%s", i, got, err, out)
			}
		}
		if n := len(f.Processes()); n != 1 {
			t.Errorf("%d processes: %s", n, out)
		}
	})
}

// TestAfterInAProcess has after-functions that wait for a file. The response comes
// before their end, and their end before the next invocation begins.
func TestAfterInAProcess(t *testing.T) {
	eachMode(t, func(t *testing.T, name string, streamed bool) {
		f, out := start(t, name, emulator.Config{})
		var gate string
		for i := range 3 {
			n := nap{ID: fmt.Sprint(i), Until: filepath.Join(t.TempDir(), "gate")}
			result := make(chan error, 1)
			go func() {
				got, err := invokeFunction(t, f, streamed, n)
				if err == nil && got != string(n.payload()) {
					err = fmt.Errorf("the response is %q", got)
				}
				result <- err
			}()
			if i > 0 { // the invocation waits for the after-function of the one before
				openGate(t, gate)
			}
			if err := <-result; err != nil {
				t.Fatal(err)
			}
			out.Wait(t, "began "+n.ID)
			if strings.Contains(out.String(), "rested "+n.ID) {
				t.Error("the after-function ended before the gate was open")
			}
			before, _, _ := strings.Cut(out.String(), "began "+n.ID)
			if i > 0 && !strings.HasSuffix(before, fmt.Sprintf("rested %d\nafter\n", i-1)) {
				t.Errorf("the invocation before has not ended: %s", out)
			}
			gate = n.Until
		}
		openGate(t, gate)
		out.Wait(t, "rested 2\nafter\n")
	})
}

func openGate(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExtension_APIFails(t *testing.T) {
	t.Parallel()
	for mode, want := range map[emulator.ExtensionMode]string{
		emulator.ExtensionsRefused: "403 Forbidden",
		emulator.ExtensionsHang:    "no response within 1s",
	} {
		f, out := start(t, "sleeper", emulator.Config{Extensions: mode})
		n := nap{ID: "x"}
		if got, err := invokeFunction(t, f, false, n); err != nil || got != string(n.payload()) {
			t.Errorf("%q, %v", got, err)
		}
		// A platform without extensions may still send SIGTERM.
		if err := syscall.Kill(f.Pid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(deadline); f.Processes()[0].State == nil; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the function does not exit")
			}
		}
		if state := f.Processes()[0].State; state.ExitCode() != 0 {
			t.Errorf("the function ended with %v: %s", state, out)
		}
		if err := f.Close(); err != nil { // when it returns, all output has arrived
			t.Error(err)
		}
		if got := out.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, want) {
			t.Errorf("logged: %s", got)
		}
	}
}

func TestInitErrorInAProcess(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = emulator.Start(t.Context(), emulator.Config{
		Path: path, Env: []string{"FUNCTION=sleeper", `FAIL_INIT=TRANSPORT="x": want unix`}, Stderr: &out,
	})
	var failure *emulator.FunctionError
	if !errors.As(err, &failure) || !errors.Is(err, emulator.ErrInit) {
		t.Fatalf("error %v: %s", err, out.String())
	}
	got := []string{failure.Type, failure.Message}
	if diff := cmp.Diff([]string{"Runtime.InitError", `TRANSPORT="x": want unix`}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
