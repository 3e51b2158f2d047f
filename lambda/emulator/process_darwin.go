package emulator

import "syscall"

// childAttributes puts the child into a process group of its own, so that its
// children end with it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// peakNow is unknown here: ru_maxrss has it once the process has ended.
func peakNow(int) int64 { return 0 }

// maxRSSUnit is the unit of ru_maxrss in bytes (getrusage(2)).
const maxRSSUnit = 1
