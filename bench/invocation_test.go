package bench_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkInvocation measures the CPU time of an invocation, over all threads of the
// function's process. Lambda bills this time at small memory sizes:
//
//   - busy-cpu-ns is the CPU time if the next invocation follows at once;
//   - spaced-cpu-ns is the CPU time of an invocation 2 ms after the previous one, and
//     spaced-p50-ns and spaced-p99-ns are its latency.
//
// All functions have 128 MB of memory in their environment, from which this
// repository's function derives GOMAXPROCS. Their processes run side by side and are
// invoked in turns, so that a drift of the machine affects all of them alike.
func BenchmarkInvocation(b *testing.B) {
	var runs []*invocations
	for _, f := range buildFunctions(b) {
		for _, variant := range f.variants() {
			runs = append(runs, &invocations{function: variant})
		}
	}
	takeTurns(b, runs, 20, 12)
	for _, r := range runs {
		answer := "buffered"
		if r.streamed {
			answer = "streamed"
		}
		b.Run("function="+r.name+"/event="+r.event+"/answer="+answer, r.report)
	}
}

// BenchmarkBuild compares this tree's function with another build of it, whose path
// is in BENCH_BASE; see `make bench-compare`. It measures several rounds, which
// benchstat requires.
func BenchmarkBuild(b *testing.B) {
	base := os.Getenv("BENCH_BASE")
	if base == "" {
		b.Skip("no other build in BENCH_BASE")
	}
	rounds := 24
	if testing.Short() {
		rounds = 2
	}
	functions := buildFunctions(b)
	for round := range rounds {
		var runs []*invocations
		for _, f := range functions {
			if f.own {
				other := f
				other.path = base
				runs = append(runs, &invocations{function: other}, &invocations{function: f})
			}
		}
		takeTurns(b, runs, 10, 0)
		for i, r := range runs {
			b.Run(fmt.Sprintf("build=%s/function=%s/round=%d", []string{"base", "tree"}[i%2], r.name, round), r.report)
		}
	}
}

// invocations are the measured times of a function.
type invocations struct {
	function

	process    *emulator.Function
	busy, idle sample // CPU time, one value for each turn
	latency    sample
}

// takeTurns measures functions that run at the same time. In each turn, spaced
// invocations have a pause before them.
func takeTurns(b *testing.B, runs []*invocations, turns, spaced int) {
	const warmup, busy = 200, 45
	if testing.Short() {
		turns = 3
	}
	for _, r := range runs {
		r.process = r.start(b, 128)
		r.measure(b, warmup, 0)
	}
	for range turns {
		for _, r := range runs {
			r.busy.add(r.measure(b, busy, 0))
		}
		for _, r := range runs {
			if spaced > 0 {
				r.idle.add(r.measure(b, spaced, 2*time.Millisecond))
			}
		}
	}
	for _, r := range runs {
		must(b, r.process.Close())
	}
}

// measure returns the mean CPU time of n invocations with a pause before each.
func (r *invocations) measure(b *testing.B, n int, pause time.Duration) time.Duration {
	before := cpuTime(b, r.process.Pid())
	for range n {
		time.Sleep(pause)
		start := time.Now()
		r.invoke(b, r.process)
		if pause > 0 {
			r.latency.add(time.Since(start))
		}
	}
	return (cpuTime(b, r.process.Pid()) - before) / time.Duration(n)
}

func (r *invocations) report(b *testing.B) {
	b.ReportMetric(r.busy.median(), "busy-cpu-ns")
	b.ReportMetric(0, "ns/op") // all of it is measured before
	if len(r.idle) > 0 {
		b.ReportMetric(r.idle.median(), "spaced-cpu-ns")
		b.ReportMetric(r.latency.percentile(50), "spaced-p50-ns")
		b.ReportMetric(r.latency.percentile(99), "spaced-p99-ns")
	}
}
