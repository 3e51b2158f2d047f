package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime returns the CPU time of all threads of a running process, from the kernel's
// clock (clock_getcpuclockid(3)).
func cpuTime(b *testing.B, pid int) time.Duration {
	const perProcess, scheduler = 0, 2
	used, err := clock(int32(^pid)<<3 | perProcess | scheduler)
	must(b, err)
	return used
}

// ownCPUTime returns the CPU time of this process, or 0 if it is not known.
func ownCPUTime() time.Duration {
	used, _ := clock(unix.CLOCK_PROCESS_CPUTIME_ID)
	return used
}

func clock(id int32) (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(id, &t)
	return time.Duration(t.Nano()), err
}

// A cpuGroup is a cgroup that limits the CPU time of its processes.
type cpuGroup string

// newCPUGroup makes a cgroup, v2 or v1, whose processes may use quota of CPU time in
// each period. It skips b if that fails.
func newCPUGroup(b *testing.B, period, quota time.Duration) cpuGroup {
	const root = "/sys/fs/cgroup"
	quotaUs, periodUs := strconv.FormatInt(quota.Microseconds(), 10), strconv.FormatInt(period.Microseconds(), 10)
	parent := filepath.Join(root, "cpu")
	limits := [][2]string{{"cpu.cfs_period_us", periodUs}, {"cpu.cfs_quota_us", quotaUs}}
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil { // v2
		parent = root
		limits = [][2]string{{"cpu.max", quotaUs + " " + periodUs}}
		_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+cpu"), 0) // fails if it is on already; cpu.max exists then
	}
	dir, err := os.MkdirTemp(parent, "bench-")
	if err != nil {
		b.Skipf("no CPU limit without a cgroup of its own: %v; run it as root, in a container with --privileged", err)
	}
	for _, limit := range limits {
		if err := write(filepath.Join(dir, limit[0]), limit[1]); err != nil {
			must(b, os.Remove(dir))
			b.Skipf("no CPU limit: %v; the cpu controller has to be on in %s", err, parent)
		}
	}
	return cpuGroup(dir)
}

func (g cpuGroup) add(b *testing.B, pid int) {
	must(b, write(filepath.Join(string(g), "cgroup.procs"), strconv.Itoa(pid)))
}

// remove removes the cgroup after its processes have ended.
func (g cpuGroup) remove(b *testing.B) { must(b, os.Remove(string(g))) }

// write writes to an existing file.
func write(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("writing %q: %w", value, err)
	}
	return nil
}
