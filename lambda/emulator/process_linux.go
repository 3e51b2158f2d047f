package emulator

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// childAttributes puts the child into a process group of its own, so that its
// children end with it, and has the kernel kill it if the emulator dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// peakNow returns the largest resident set of a running process in bytes, or 0 if
// it cannot be read (proc(5), VmHWM).
func peakNow(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, line, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(line)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

// peakOf returns 0 on Linux: a child inherits the peak of the process that
// executes it, so ru_maxrss is never below the emulator's own.
func peakOf(*os.ProcessState) int64 { return 0 }
