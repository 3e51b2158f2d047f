package bench_test

import (
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkInvocation is the CPU time of an invocation, of all threads of the
// function's process together, which is what Lambda bills at small memory
// sizes. The functions are hello, as it comes, and package event's handler over
// each transport under package runtimeapi, with GOMAXPROCS=1; hello-1p is hello
// with that. All have AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128:
//
//   - busy-cpu-ns is an invocation, with the next one following at once;
//   - spaced-cpu-ns is an invocation 2 ms after the one before;
//   - first-cpu-ns is from exec to the first answer, init included.
//
// Each round starts all functions and lets them take turns, some invocations
// each, so that a drift of the machine hits all alike. What is reported are
// medians over the rounds, and as vs-hello-busy and the like the medians of the
// rounds' ratios to hello.
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
			f.busy.reportRatio(b, "busy", functions[0].busy)
			f.spaced.reportRatio(b, "spaced", functions[0].spaced)
			f.first.reportRatio(b, "first", functions[0].first)
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

func invocationFunctions(b *testing.B) []*invocationFunction {
	var functions []*invocationFunction
	for _, f := range buildFunctions(b, "lambda/runtimeapi/testdata/function", "GOMAXPROCS=1") {
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

// reportRatio reports the median of d, and that of its ratios to another's
// values in the same rounds.
func (d durations) reportRatio(b *testing.B, name string, other durations) {
	ratios := make(durations, len(d))
	for i := range d {
		ratios[i] = d[i] / other[i]
	}
	b.ReportMetric(d.median(), name+"-cpu-ns")
	b.ReportMetric(ratios.median(), "vs-hello-"+name)
}
