//go:build !linux

package bench_test

import (
	"testing"
	"time"
)

// cpuTime is not measured here.
func cpuTime(b *testing.B, _ int) time.Duration {
	b.Skip("the CPU time of another process is measured on Linux only")
	return 0
}
