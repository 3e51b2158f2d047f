package bench_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkInvocation is the CPU time of an invocation, of all threads of the
// function's process together, which is what Lambda bills at small memory sizes:
//
//   - busy-cpu-ns is an invocation, with the next one following at once;
//   - spaced-cpu-ns is an invocation 2 ms after the one before, and spaced-p50-ns
//     and spaced-p99-ns are the time that it takes.
//
// All functions have 128 MB of memory in their environment, by which the one of
// this repository chooses its GOMAXPROCS. They run at the same time and take
// turns, so that a drift of the machine hits all alike.
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

// BenchmarkBuild compares this tree's function with another build of it, whose
// path is in BENCH_BASE: `make bench-compare`. The rounds are for benchstat,
// which needs several.
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

// invocations are a function and what its invocations took.
type invocations struct {
	function

	process    *emulator.Function
	busy, idle sample // CPU time, a value a turn
	latency    sample
}

// takeTurns measures functions that run at the same time. In each turn, spaced
// of the invocations have a pause before them.
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

// measure is the mean CPU time of n invocations with a pause before each.
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
