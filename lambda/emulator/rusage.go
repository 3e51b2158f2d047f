package emulator

import "syscall"

// peakFromUsage is the largest resident set that the kernel accounted to an
// ended process, in bytes.
func peakFromUsage(p Process) int64 {
	if p.PeakMemory > 0 || p.State == nil {
		return 0
	}
	usage, ok := p.State.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss * maxRSSUnit
}
