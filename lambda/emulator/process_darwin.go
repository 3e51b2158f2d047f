package emulator

import (
	"os"
	"syscall"
)

// childAttributes puts the child into a process group of its own, so that its
// children end with it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// peakNow returns 0 on macOS, where peakOf knows the value after the end.
func peakNow(int) int64 { return 0 }

// peakOf returns the largest resident set of an ended process in bytes
// (getrusage(2), ru_maxrss).
func peakOf(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss
}
