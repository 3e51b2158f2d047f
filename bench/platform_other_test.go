//go:build !linux

package bench_test

import (
	"testing"
	"time"
)

// cpuTime skips b, since CPU time is measured only on Linux.
func cpuTime(b *testing.B, _ int) time.Duration {
	b.Skip("the CPU time of another process is measured on Linux only")
	return 0
}

func ownCPUTime() time.Duration { return 0 }

type cpuGroup struct{}

func newCPUGroup(b *testing.B, _, _ time.Duration) cpuGroup {
	b.Skip("cgroups are on Linux only")
	return cpuGroup{}
}

func (cpuGroup) add(*testing.B, int) {}

func (cpuGroup) remove(*testing.B) {}
