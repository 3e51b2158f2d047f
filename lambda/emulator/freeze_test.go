package emulator_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

func TestPauseAndResume(t *testing.T) {
	f := start(t, config(t, "commands"))
	for range 3 {
		if err := f.Pause(); err != nil {
			t.Fatal(err)
		}
		waitForState(t, f.Pid(), true)
		if err := f.Resume(); err != nil {
			t.Fatal(err)
		}
		waitForState(t, f.Pid(), false)
		if err := f.Pause(); err != nil {
			t.Fatal(err)
		}
		if got := invoke[string](t, f, command{Do: "echo", Text: "thawed"}); got != "thawed" {
			t.Errorf("response %q", got)
		}
	}
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

func TestFreezeBetweenInvocations(t *testing.T) {
	for _, function := range []string{"commands", "sigterm"} {
		t.Run(function, func(t *testing.T) {
			cfg := config(t, function)
			cfg.Freeze = true
			f := start(t, cfg)
			for i := range 5 {
				waitForState(t, f.Pid(), true)
				if got := invoke[string](t, f, command{Do: "echo", Text: strconv.Itoa(i)}); got != strconv.Itoa(i) {
					t.Errorf("response %q", got)
				}
			}
			waitForState(t, f.Pid(), true)
		})
	}
}

// waitForState waits until the process is stopped, or is not stopped.
func waitForState(t *testing.T, pid int, stopped bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("stopped is not %v", stopped), func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("no /proc to read a process's state from")
		} else if err != nil {
			t.Fatal(err)
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(state, "T") == stopped
	})
}

func TestConcurrentInvocations(t *testing.T) {
	const n = 8
	cfg := config(t, "commands")
	cfg.Concurrency = n
	f := start(t, cfg)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := f.Invoke(t.Context(), command{Do: "meet", N: n}.payload(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 4 * n { // more than the process takes at once
		wg.Go(func() {
			if got := invoke[string](t, f, command{Do: "echo", Text: strconv.Itoa(i)}); got != strconv.Itoa(i) {
				t.Errorf("invocation %d: response %q", i, got)
			}
		})
	}
	wg.Wait()
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

func TestConcurrentInvocations_TimeoutKeepsTheProcess(t *testing.T) {
	t.Parallel()
	cfg := config(t, "commands")
	cfg.Concurrency = 2
	cfg.Timeout = time.Second
	f := start(t, cfg)
	late := command{Do: "echo", Text: "late", For: 1300 * time.Millisecond}
	if _, err := f.Invoke(t.Context(), late.payload(t)); !errors.Is(err, emulator.ErrTimeout) {
		t.Errorf("error %v", err)
	}
	for i := range 25 { // until after the late response has arrived
		if got := invoke[string](t, f, command{Do: "echo", For: 20 * time.Millisecond, Text: strconv.Itoa(i)}); got != strconv.Itoa(i) {
			t.Errorf("response %q", got)
		}
	}
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

func TestProcesses(t *testing.T) {
	f := start(t, config(t, "sigterm"))
	p := f.Processes()[0]
	if p.Pid != f.Pid() || p.FirstNext.Before(p.Exec) || p.Ready.Before(p.FirstNext) || p.State != nil || !p.Exited.IsZero() {
		t.Errorf("running: %+v", p)
	}
	f.Kill()
	p = f.Processes()[0]
	if p.State == nil || p.Exited.Before(p.Ready) || p.PeakMemory < 1<<20 || p.PeakMemory > 1<<30 {
		t.Errorf("killed: %+v", p)
	}
	invoke[string](t, f, command{Do: "echo"})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if p = f.Processes()[1]; p.State == nil || p.PeakMemory < 1<<20 {
		t.Errorf("closed: %+v", p)
	}
}
