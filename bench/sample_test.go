package bench_test

import (
	"math"
	"slices"
	"time"
)

// A sample is a set of measurements of one quantity. Times are in nanoseconds.
type sample []float64

func (s *sample) add(t time.Duration) { *s = append(*s, float64(t)) }

func (s sample) mean() float64 {
	sum := 0.0
	for _, v := range s {
		sum += v
	}
	return sum / float64(len(s))
}

// percentile returns the smallest value that p percent of the sample do not exceed
// (the nearest-rank method).
func (s sample) percentile(p int) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[max(0, int(math.Ceil(float64(len(s)*p)/100))-1)]
}

func (s sample) median() float64 { return s.percentile(50) }
