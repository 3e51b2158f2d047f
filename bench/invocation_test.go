package bench_test

import (
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkInvocation is the CPU time of an invocation, of all threads of the
// function's process together, which is what Lambda bills at small memory
// sizes. The functions are the real one over each transport, hello as it comes,
// and as hello-1p hello with GOMAXPROCS=1. All have 128 MB of memory in their
// environment, by which the real one chooses its GOMAXPROCS:
//
//   - busy-cpu-ns is an invocation, with the next one following at once;
//   - spaced-cpu-ns is an invocation 2 ms after the one before;
//   - first-cpu-ns is from exec to the first answer, init included.
//
// Each round starts all functions and lets them take turns, some invocations
// each, so that a drift of the machine hits all alike. What is reported are
// medians over the rounds, and as vs-hello-busy, vs-hello-1p-busy and the like
// the medians of the rounds' ratios to hello and to hello-1p.
func BenchmarkInvocation(b *testing.B) {
	rounds, turns := 5, 4
	if testing.Short() {
		rounds, turns = 3, 1
	}
	functions := invocationFunctions(b)
	for range rounds {
		invocationRound(b, functions, turns)
	}
	for _, f := range functions {
		b.Run("transport="+f.name, func(b *testing.B) {
			for b.Loop() { //nolint:revive // all of it is measured above
			}
			b.ReportMetric(f.busy.median(), "busy-cpu-ns")
			b.ReportMetric(f.spaced.median(), "spaced-cpu-ns")
			b.ReportMetric(f.first.median(), "first-cpu-ns")
			for _, hello := range functions[:2] {
				vs := "vs-" + hello.name + "-"
				b.ReportMetric(f.busy.ratio(hello.busy), vs+"busy")
				b.ReportMetric(f.spaced.ratio(hello.spaced), vs+"spaced")
				b.ReportMetric(f.first.ratio(hello.first), vs+"first")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// invocationFunction is a function and the CPU times of its invocations, a
// value a round.
type invocationFunction struct {
	*function
	busy, spaced, first durations
}

// invocationFunctions returns hello and hello-1p first.
func invocationFunctions(b *testing.B) []*invocationFunction {
	var functions []*invocationFunction
	for _, f := range buildFunctions(b) {
		functions = append(functions, &invocationFunction{function: f})
		if f.name == "hello" {
			one := *f
			one.name, one.env = "hello-1p", append(one.env, "GOMAXPROCS=1")
			functions = append(functions, &invocationFunction{function: &one})
		}
	}
	return functions
}

func invocationRound(b *testing.B, functions []*invocationFunction, turns int) {
	const warmup, busy, spaced = 200, 500, 100
	processes := make([]*emulator.Function, len(functions))
	for i, f := range functions {
		processes[i] = f.start(b, emulator.Config{})
		f.invoke(b, processes[i])
		f.first.add(cpuTime(b, processes[i].Pid()))
		f.measure(b, processes[i], warmup, 0)
	}
	busyTime, spacedTime := make([]time.Duration, len(functions)), make([]time.Duration, len(functions))
	for range turns {
		for i, f := range functions {
			busyTime[i] += f.measure(b, processes[i], busy, 0)
			spacedTime[i] += f.measure(b, processes[i], spaced, 2*time.Millisecond)
		}
	}
	for i, f := range functions {
		f.busy.add(busyTime[i] / time.Duration(turns))
		f.spaced.add(spacedTime[i] / time.Duration(turns))
		must(b, processes[i].Close())
	}
}

// measure is the mean CPU time of invocations that are a pause apart.
func (f *invocationFunction) measure(b *testing.B, process *emulator.Function, invocations int, pause time.Duration) time.Duration {
	before := cpuTime(b, process.Pid())
	for range invocations {
		f.invoke(b, process)
		time.Sleep(pause)
	}
	return (cpuTime(b, process.Pid()) - before) / time.Duration(invocations)
}

// ratio is the median of d's ratios to another's values in the same rounds.
func (d durations) ratio(other durations) float64 {
	ratios := make(durations, len(d))
	for i := range d {
		ratios[i] = d[i] / other[i]
	}
	return ratios.median()
}
