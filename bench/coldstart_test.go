package bench_test

import (
	"testing"
	"time"
)

// BenchmarkColdStart measures the start of a function, from exec to the first
// response:
//
//   - cold-ns is that time, and init-ns the part of it until the function first
//     asks for an event;
//   - cpu-ns is the CPU time of all threads;
//   - peak-bytes is the largest resident set after the response.
//
// The functions are started in turns, so that a drift of the machine affects all of
// them alike. Each value is a median.
func BenchmarkColdStart(b *testing.B) {
	starts := 12
	if testing.Short() {
		starts = 4
	}
	functions := buildFunctions(b)
	measured := make([]struct{ init, cold, cpu, peak sample }, len(functions))
	for range starts {
		for i := range functions {
			f, m := &functions[i], &measured[i]
			process := f.start(b, 128)
			f.invoke(b, process)
			answered := time.Now()
			cpu := cpuTime(b, process.Pid())
			must(b, process.Close())
			lives := process.Processes()
			if len(lives) != 1 {
				b.Fatalf("%s needed %d processes", f.name, len(lives))
			}
			m.init.add(lives[0].FirstNext.Sub(lives[0].Exec))
			m.cold.add(answered.Sub(lives[0].Exec))
			m.cpu.add(cpu)
			m.peak = append(m.peak, float64(lives[0].PeakMemory))
		}
	}
	for i, f := range functions {
		b.Run("function="+f.name, func(b *testing.B) {
			b.ReportMetric(measured[i].init.median(), "init-ns")
			b.ReportMetric(measured[i].cold.median(), "cold-ns")
			b.ReportMetric(measured[i].cpu.median(), "cpu-ns")
			b.ReportMetric(measured[i].peak.median(), "peak-bytes")
			b.ReportMetric(0, "ns/op") // there is no operation to divide by
		})
	}
}
