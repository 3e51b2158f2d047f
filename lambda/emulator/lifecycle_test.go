package emulator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

func TestTempDir_OutlivesCrashes(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "stale"))
	for life := 1; life <= 20; life++ {
		if got := invoke[int](t, f, command{Do: "count"}); got != life {
			t.Fatalf("life %d finds %d lives in its file", life, got)
		}
		f.Kill()
	}
	if n := len(f.Processes()); n != 20 {
		t.Errorf("%d processes, want 20", n)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.Config().TempDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary directory after Close: %v", err)
	}
}

func TestClose_KeepsGivenTempDir(t *testing.T) {
	cfg := config(t, "stale")
	cfg.TempDir = t.TempDir()
	if err := start(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(cfg.TempDir, "stale")); err != nil {
		t.Error(err)
	}
}

func TestKill_FailsInvocation(t *testing.T) {
	var out testlog.Buffer
	cfg := config(t, "commands")
	cfg.Stdout = &out
	f := start(t, cfg)
	failed := make(chan error)
	go func() {
		_, err := f.Invoke(t.Context(), command{Do: "hang", Text: "hanging"}.payload(t))
		failed <- err
	}()
	waitForLines(t, &out, 1)
	f.Kill()
	if err := <-failed; !errors.Is(err, emulator.ErrExited) || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("error %v", err)
	}
}

func TestKill_EndsChildren(t *testing.T) {
	var out testlog.Buffer
	cfg := config(t, "commands")
	cfg.Stdout, cfg.Stderr = &out, &out
	f := start(t, cfg)
	child := invoke[int](t, f, command{Do: "child"})
	if err := syscall.Kill(child, 0); err != nil {
		t.Fatalf("child: %v", err)
	}
	f.Kill()
	// Init reaps it.
	eventually(t, "the child is alive", func() bool { return !alive(child) })
	if f.Pid() == 0 {
		t.Error("Pid is 0 after Kill")
	}
}

// alive reports whether pid is the ID of a process that is not a zombie.
func alive(pid int) bool {
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil {
		return !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(pid, 0) == nil
}

func TestStdoutAndStderr(t *testing.T) {
	var out testlog.Buffer
	cfg := config(t, "commands")
	cfg.Stdout, cfg.Stderr = &out, &out
	f := start(t, cfg)
	invoke[any](t, f, command{Do: "print", Text: "one"})
	f.Kill()
	invoke[any](t, f, command{Do: "print", Text: "two"})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(lines)
	if diff := cmp.Diff([]string{"error: one", "error: two", "one", "two"}, lines); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSIGTERM(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		function string
		grace    time.Duration
		printed  string
		signaled bool
	}{
		"a process without an extension is killed at once":            {"commands", time.Hour, "", true},
		"a process with an extension gets SIGTERM and ends by itself": {"sigterm", time.Hour, "got SIGTERM\n", false},
		"a process that ignores SIGTERM is killed after the grace":    {"ignore-sigterm", 2 * time.Second, "got SIGTERM\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			var out testlog.Buffer
			cfg := config(t, test.function)
			cfg.Stdout = &out
			cfg.ShutdownGrace = test.grace
			f := start(t, cfg)
			invoke[string](t, f, command{Do: "echo"})
			if err := f.Pause(); err != nil { // as between invocations
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			status, ok := f.Processes()[0].State.Sys().(syscall.WaitStatus)
			if !ok || status.Signaled() != test.signaled || test.signaled && status.Signal() != syscall.SIGKILL {
				t.Errorf("process ended with %v", f.Processes()[0].State)
			}
			if out.String() != test.printed {
				t.Errorf("printed %q, want %q", out.String(), test.printed)
			}
		})
	}
}

func TestSIGTERM_OnTimeout(t *testing.T) {
	t.Parallel()
	var out testlog.Buffer
	cfg := config(t, "sigterm")
	cfg.Stdout = &out
	cfg.Timeout = time.Second
	cfg.ShutdownGrace = time.Hour
	f := start(t, cfg)
	if _, err := f.Invoke(t.Context(), command{Do: "hang"}.payload(t)); !errors.Is(err, emulator.ErrTimeout) {
		t.Fatalf("error %v", err)
	}
	if got := invoke[string](t, f, command{Do: "echo", Text: "again"}); got != "again" {
		t.Errorf("response %q", got)
	}
	if out.String() != "got SIGTERM\n" {
		t.Errorf("printed %q", out.String())
	}
}

func TestStart_ContextEndsTheFunction(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, err := emulator.Start(ctx, config(t, "ignore-sigterm"))
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := f.Invoke(t.Context(), command{Do: "hang"}.payload(t))
		failed <- err
	}()
	cancel()
	if err := <-failed; !errors.Is(err, emulator.ErrClosed) {
		t.Errorf("invocation: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, emulator.ErrClosed) {
		t.Errorf("invocation after Close: %v", err)
	}
	if err := f.Pause(); !errors.Is(err, emulator.ErrExited) {
		t.Errorf("Pause after Close: %v", err)
	}
	if err := f.Resume(); !errors.Is(err, emulator.ErrExited) {
		t.Errorf("Resume after Close: %v", err)
	}
	if state := f.Processes()[0].State; !strings.Contains(state.String(), "killed") {
		t.Errorf("process ended with %v", state)
	}
}

func TestStart_ContextEndsDuringInit(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("enough"))
	defer cancel()
	f, err := emulator.Start(ctx, config(t, "hang-in-init"))
	if err == nil || err.Error() != "enough" {
		t.Errorf("Start: %v, %v", f, err)
	}
}

func TestInvoke_CallerCancels(t *testing.T) {
	t.Parallel()
	f := start(t, config(t, "commands"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c := command{Do: "echo", For: 300 * time.Millisecond}
	if _, err := f.Invoke(ctx, c.payload(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	if got := invoke[string](t, f, command{Do: "echo", Text: "next"}); got != "next" {
		t.Errorf("next response %q", got)
	}
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1: the function continues without its caller", n)
	}
}
