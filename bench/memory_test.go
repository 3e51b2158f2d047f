package bench_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

const (
	// fullCore is the memory in MB that gives a function one core. Less memory
	// gives it a proportional part.
	fullCore = 1769
	// period is the period of Lambda's CPU limit.
	period = 20 * time.Millisecond
)

// BenchmarkMemory measures a function with the CPU time that Lambda gives it at a
// memory size. A cgroup enforces the limit in periods of 20 ms. As on Lambda, init is
// not limited:
//
//   - cold-ns is the time from exec to the first response;
//   - p50-ns and p99-ns are the latency if the next invocation follows at once;
//   - billed-ms is the mean billed duration of these invocations, each rounded up;
//   - alone-billed-ms is the billed duration of an invocation that has the CPU time
//     of its period to itself.
//
// The benchmark is skipped if it cannot make a cgroup.
func BenchmarkMemory(b *testing.B) {
	functions := buildFunctions(b)
	for _, memory := range []int{128, 256, 512, fullCore} {
		var runs []*limited
		for _, f := range functions {
			if f.name != "hello-1p" {
				runs = append(runs, &limited{function: f})
			}
		}
		limit(b, runs, memory)
		for _, r := range runs {
			b.Run(fmt.Sprintf("function=%s/mb=%d", r.name, memory), r.report)
		}
	}
}

// limited has the measurements of a function with a memory size.
type limited struct {
	function

	process             *emulator.Function
	cold                time.Duration
	busy, billed, alone sample
}

// limit limits each function to the CPU time that Lambda gives at this memory size
// in MB, and measures them. Their processes run side by side and are invoked in
// turns, one at a time.
func limit(b *testing.B, runs []*limited, memory int) {
	// A turn takes several periods, so the first one has its whole CPU time.
	const busy, alone = 100, 4
	turns := 4
	if testing.Short() {
		turns = 1
	}
	for _, r := range runs {
		group := newCPUGroup(b, period, period*time.Duration(memory)/fullCore)
		defer group.remove(b)
		r.process = r.start(b, memory)
		defer func() { must(b, r.process.Close()) }()
		group.add(b, r.process.Pid())
		first := r.time(b)
		started := r.process.Processes()[0]
		r.cold = started.FirstNext.Sub(started.Exec) + first
	}
	for range turns {
		for _, r := range runs {
			for range busy {
				took := r.time(b)
				r.busy.add(took)
				r.billed = append(r.billed, billed(took))
			}
			for range alone {
				time.Sleep(2 * period)
				r.alone = append(r.alone, billed(r.time(b)))
			}
		}
	}
}

func (r *limited) time(b *testing.B) time.Duration {
	start := time.Now()
	r.invoke(b, r.process)
	return time.Since(start)
}

// billed returns a duration in milliseconds, rounded up as on Lambda's bill.
func billed(t time.Duration) float64 { return math.Ceil(float64(t) / float64(time.Millisecond)) }

func (r *limited) report(b *testing.B) {
	b.ReportMetric(float64(r.cold), "cold-ns")
	b.ReportMetric(r.busy.percentile(50), "p50-ns")
	b.ReportMetric(r.busy.percentile(99), "p99-ns")
	b.ReportMetric(r.billed.mean(), "billed-ms")
	b.ReportMetric(r.alone.mean(), "alone-billed-ms")
	b.ReportMetric(0, "ns/op")
}
