package emf_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

func TestHistogramValues(t *testing.T) {
	inf := math.Inf(1)
	for name, test := range map[string]struct {
		buckets, observed []float64
		values, counts    []float64
		sum               float64
	}{
		"one observation is exact":            {[]float64{1, 2, 4}, []float64{3.3}, []float64{3.3}, []float64{1}, 3.3},
		"one above all buckets is exact":      {[]float64{1, 2, 4}, []float64{70}, []float64{70}, []float64{1}, 70},
		"one below zero is exact":             {[]float64{1, 2, 4}, []float64{-7}, []float64{-7}, []float64{1}, -7},
		"one bucket has its mean":             {[]float64{1, 2, 4}, []float64{2.5, 3}, []float64{2.75}, []float64{2}, 5.5},
		"two lie at one fraction of each":     {[]float64{1, 2, 4}, []float64{0.5, 3.5}, []float64{2. / 3, 2 + 4./3}, []float64{1, 1}, 4},
		"at the upper bounds":                 {[]float64{1, 2, 4}, []float64{1, 4}, []float64{1, 4}, []float64{1, 1}, 5},
		"the last bucket takes what is left":  {[]float64{1, 2, 4}, []float64{1, 3, 50}, []float64{0.5, 3, 50.5}, []float64{1, 1, 1}, 54},
		"the last bucket just above":          {[]float64{2, 4}, []float64{0, 4.5}, []float64{0.5, 4}, []float64{1, 1}, 4.5},
		"the first takes what is below zero":  {[]float64{1, 2, 4}, []float64{-10, 3}, []float64{-9, 2}, []float64{1, 1}, -7},
		"bounds below zero":                   {[]float64{-4, -2}, []float64{-5, -3, -1}, []float64{-4, -3, -2}, []float64{1, 1, 1}, -9},
		"an infinite sum means the middle":    {[]float64{1, 2}, []float64{0.1, inf}, []float64{0.5, 2}, []float64{1, 1}, 2.5},
		"the same for one that is no number":  {[]float64{1, 2}, []float64{1.9, math.NaN()}, []float64{1.5, 2}, []float64{1, 1}, 3.5},
		"values that coincide are one":        {[]float64{0, 1}, []float64{-0.5, 0.5}, []float64{0}, []float64{2}, 0},
		"zeros only":                          {[]float64{1, 2}, []float64{0, 0, 0}, []float64{0}, []float64{3}, 0},
		"buckets that are empty do not count": {[]float64{1, 2, 3, 4}, []float64{0.5, 0.5, 3.5}, []float64{0.5, 3.5}, []float64{2, 1}, 4.5},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: test.buckets})
			registry.MustRegister(h)
			exporter, out := newExporter(t, registry, emf.Config{})
			for _, v := range test.observed {
				h.Observe(v)
			}
			got := histogram(t, flush(t, exporter, out), "h")
			want := statistics{
				Values: test.values, Counts: test.counts, Sum: test.sum, Count: float64(len(test.observed)),
				Min: test.values[0], Max: test.values[len(test.values)-1],
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistogramIsWrittenAsWhatIsNew(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "h", Buckets: []float64{1, 2, 4}}, []string{"l"})
	registry.MustRegister(h)
	exporter, out := newExporter(t, registry, emf.Config{})

	h.WithLabelValues("a").Observe(0.5)
	h.WithLabelValues("b").Observe(0.25)
	want := statistics{Values: []float64{0.375}, Counts: []float64{2}, Min: 0.375, Max: 0.375, Sum: 0.75, Count: 2}
	if diff := cmp.Diff(want, histogram(t, flush(t, exporter, out), "h")); diff != "" {
		t.Errorf("over two series (-want +got):\n%s", diff)
	}
	if documents := flush(t, exporter, out); len(documents) != 0 {
		t.Errorf("without observations: got %s", out)
	}
	h.WithLabelValues("b").Observe(3)
	want = statistics{Values: []float64{3}, Counts: []float64{1}, Min: 3, Max: 3, Sum: 3, Count: 1}
	if diff := cmp.Diff(want, histogram(t, flush(t, exporter, out), "h")); diff != "" {
		t.Errorf("one more (-want +got):\n%s", diff)
	}
	h.Reset()
	h.WithLabelValues("b").Observe(1.5)
	h.WithLabelValues("b").Observe(1.5)
	h.WithLabelValues("b").Observe(3.5)
	got := histogram(t, flush(t, exporter, out), "h")
	if got.Sum != 6.5 || got.Count != 3 {
		t.Errorf("after a reset: got %+v, want all three", got)
	}
}

func TestHistogramOfManyBucketsIsSplit(t *testing.T) {
	const buckets = 250
	registry := prometheus.NewRegistry()
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: prometheus.LinearBuckets(1, 1, buckets)})
	after := prometheus.NewGauge(prometheus.GaugeOpts{Name: "i"})
	registry.MustRegister(h, after)
	for i := range buckets {
		h.Observe(float64(i) + 0.75)
	}
	exporter, out := newExporter(t, registry, emf.Config{})
	documents := flush(t, exporter, out)
	if len(documents) != 3 {
		t.Fatalf("got %d lines, want 3", len(documents))
	}
	for i, d := range documents {
		s := histogram(t, []document{d}, "h")
		first, n := i*100, min(100, buckets-i*100)
		var values, counts []float64
		sum := 0.0
		for j := range n {
			values = append(values, float64(first+j)+0.75)
			counts = append(counts, 1)
			sum += values[j]
		}
		want := statistics{Values: values, Counts: counts, Min: values[0], Max: values[n-1], Sum: sum, Count: float64(n)}
		if diff := cmp.Diff(want, s, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", i+1, diff)
		}
	}
	if documents[2].members["i"] == nil {
		t.Error("the next metric is not on the last line")
	}
}

func TestWithoutBucketsThereAreTwoCounters(t *testing.T) {
	summary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "a_bytes", Objectives: map[float64]float64{0.9: 0.01}})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "b_seconds", NativeHistogramBucketFactor: 1.1})
	registry := prometheus.NewRegistry()
	registry.MustRegister(summary, native)
	exporter, out := newExporter(t, registry, emf.Config{})
	for i := range 2 {
		summary.Observe(5)
		summary.Observe(6)
		native.Observe(0.5)
		documents := flush(t, exporter, out)
		want := map[string]float64{"/a_bytes_count": 2, "/a_bytes_sum": 11, "/b_seconds_count": 1, "/b_seconds_sum": 0.5}
		if diff := cmp.Diff(want, numbers(t, documents)); diff != "" {
			t.Errorf("flush %d (-want +got):\n%s", i+1, diff)
		}
		var units []string
		for _, m := range documents[0].AWS.CloudWatchMetrics[0].Metrics {
			units = append(units, m.Unit)
		}
		if diff := cmp.Diff([]string{"Count", "Bytes", "Count", "Seconds"}, units); diff != "" {
			t.Errorf("units (-want +got):\n%s", diff)
		}
	}
}

// What other tests leave to a tolerance must be right to the last bit here.
func TestHistogramOfOneObservationIsNotRounded(t *testing.T) {
	for i := range 200 {
		took := float64(i) / 97
		registry := prometheus.NewRegistry()
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{0.01, 0.1, 1}})
		registry.MustRegister(h)
		h.Observe(took)
		exporter, out := newExporter(t, registry, emf.Config{})
		if got := histogram(t, flush(t, exporter, out), "h"); got.Values[0] != took || got.Sum != took {
			t.Errorf("got %+v, want %v", got, took)
		}
	}
}

func histogramFamily(sum float64, bounds []float64, cumulative []uint64) *dto.MetricFamily {
	h := &dto.Histogram{SampleSum: &sum, SampleCount: &cumulative[len(cumulative)-1]}
	for i := range bounds {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bounds[i], CumulativeCount: &cumulative[i]})
	}
	name := "h"
	return &dto.MetricFamily{Name: &name, Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: h}}}
}

// A collector of its own may start over without a creation time to tell.
func TestHistogramThatStartsOverIsWrittenWhole(t *testing.T) {
	for name, test := range map[string]struct {
		bounds     []float64
		cumulative []uint64
		want       float64
	}{
		"it goes on":                         {[]float64{1, 2, 4}, []uint64{3, 4, 6, 7}, 2},
		"it has fewer observations":          {[]float64{1, 2, 4}, []uint64{1, 2, 3, 4}, 4},
		"it has fewer in one of its buckets": {[]float64{1, 2, 4}, []uint64{2, 5, 6, 9}, 9},
		"it has fewer above its buckets":     {[]float64{1, 2, 4}, []uint64{3, 4, 4, 4}, 4},
		"it has another bound":               {[]float64{1, 3, 4}, []uint64{3, 4, 6, 7}, 7},
		"it has one bound more":              {[]float64{1, 2, 4, 8}, []uint64{3, 4, 5, 6, 7}, 7},
		"its last bucket is explicit":        {[]float64{1, 2, 4, math.Inf(1)}, []uint64{3, 4, 6, 7}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			source := &gathered{families: []*dto.MetricFamily{histogramFamily(9, []float64{1, 2, 4}, []uint64{3, 4, 4, 5})}}
			exporter, out := newExporter(t, source, emf.Config{})
			flush(t, exporter, out)
			source.families = []*dto.MetricFamily{histogramFamily(20, test.bounds, test.cumulative)}
			if got := histogram(t, flush(t, exporter, out), "h"); got.Count != test.want {
				t.Errorf("got %+v, want %v observations", got, test.want)
			}
		})
	}
}

// FuzzHistogram holds the values of any observations to what was observed.
func FuzzHistogram(f *testing.F) {
	f.Add(0.5, 1.0, 2.0, 0.1, 0.7, 100.0, uint8(3))
	f.Add(-1.0, 0.0, 1.0, -5.0, 0.0, 1.0, uint8(1))
	f.Add(1e-9, 1e9, 1e99, 1e98, 1e-8, -1e99, uint8(200))
	f.Fuzz(func(t *testing.T, bound, step, step2, a, b, c float64, repeat uint8) {
		bounds := []float64{bound, bound + step, bound + step + step2}
		for i, v := range []float64{bounds[0], bounds[1], bounds[2], a, b, c} {
			if !(math.Abs(v) < 1e100) || i == 1 && v <= bounds[0] || i == 2 && v <= bounds[1] {
				return
			}
		}
		registry := prometheus.NewRegistry()
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: bounds})
		registry.MustRegister(h)
		observed := []float64{a, c}
		for range repeat {
			observed = append(observed, b)
		}
		var sum, size float64
		for _, v := range observed {
			h.Observe(v)
			sum += v
			size += math.Abs(v)
		}
		exporter, out := newExporter(t, registry, emf.Config{})
		got := histogram(t, flush(t, exporter, out), "h")
		if got.Count != float64(len(observed)) {
			t.Fatalf("got %v observations, want %d", got.Count, len(observed))
		}
		for _, bound := range bounds {
			checkRank(t, got, observed, bound)
		}
		var total float64
		for i, v := range got.Values {
			total += v * got.Counts[i]
			size = max(size, math.Abs(v)*got.Counts[i], math.Abs(bounds[0]), math.Abs(bounds[2]))
		}
		if tolerance := 1e-9 * size; math.Abs(total-sum) > tolerance || math.Abs(got.Sum-sum) > tolerance {
			t.Errorf("the values %v × %v add up to %v, the sum is %v, want %v", got.Values, got.Counts, total, got.Sum, sum)
		}
	})
}

// checkRank compares how many of the values and of the observations are up to
// a bucket's bound; a value may lie on the lower bound of its bucket.
func checkRank(t *testing.T, got statistics, observed []float64, bound float64) {
	t.Helper()
	var below, upTo, want float64
	for i, v := range got.Values {
		if v < bound {
			below += got.Counts[i]
		}
		if v <= bound {
			upTo += got.Counts[i]
		}
	}
	for _, v := range observed {
		if v <= bound {
			want++
		}
	}
	if want < below || want > upTo {
		t.Errorf("%v observations up to %v, but the values are %v × %v", want, bound, got.Values, got.Counts)
	}
}
