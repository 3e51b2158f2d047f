package bench_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// durations are the times of single calls, in nanoseconds.
type durations []float64

func (d *durations) add(t time.Duration) { *d = append(*d, float64(t)) }

func (d durations) mean() float64 {
	sum := 0.0
	for _, t := range d {
		sum += t
	}
	return sum / float64(len(d))
}

// percentile is the smallest time within which p per cent of the calls were
// answered (the nearest-rank method).
func (d durations) percentile(p int) float64 {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[max(0, int(math.Ceil(float64(len(d)*p)/100))-1)]
}

func (d durations) median() float64 { return d.percentile(50) }

// report reports percentiles, the median as p50-ns.
func (d durations) report(b *testing.B, prefix string, percentiles ...int) {
	for _, p := range percentiles {
		b.ReportMetric(d.percentile(p), fmt.Sprintf("%sp%02d-ns", prefix, p))
	}
}
