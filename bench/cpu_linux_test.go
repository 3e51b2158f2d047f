package bench_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time that all threads of a running process have used, by
// the kernel's own clock of it (clock_getcpuclockid(3)).
func cpuTime(b *testing.B, pid int) time.Duration {
	const perProcess, scheduler = 0, 2
	var t unix.Timespec
	must(b, unix.ClockGettime(int32(^pid)<<3|perProcess|scheduler, &t))
	return time.Duration(t.Nano())
}
