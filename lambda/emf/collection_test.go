package emf_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

func TestFlushAddsUpOverLabelsThatAreNoDimensions(t *testing.T) {
	registry := prometheus.NewRegistry()
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "calls_total"}, []string{"grpc_code", "tenant"})
	busy := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "busy"}, []string{"tenant"})
	registry.MustRegister(calls, busy)
	exporter, out := newExporter(t, registry, emf.Config{})

	calls.WithLabelValues("OK", "a").Add(2)
	calls.WithLabelValues("OK", "b").Add(3)
	calls.WithLabelValues("Internal", "a").Add(1)
	busy.WithLabelValues("a").Set(4)
	busy.WithLabelValues("b").Set(5)
	want := map[string]float64{"OK/calls_total": 5, "Internal/calls_total": 1, "/busy": 9}
	if diff := cmp.Diff(want, numbers(t, flush(t, exporter, out))); diff != "" {
		t.Errorf("first flush (-want +got):\n%s", diff)
	}

	calls.WithLabelValues("OK", "b").Add(1)
	busy.WithLabelValues("a").Set(5)
	busy.WithLabelValues("b").Set(4)
	want = map[string]float64{"OK/calls_total": 1}
	if diff := cmp.Diff(want, numbers(t, flush(t, exporter, out))); diff != "" {
		t.Errorf("second flush, the gauges' sum unchanged (-want +got):\n%s", diff)
	}
}

func TestFlushDimensions(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for name, test := range map[string]struct {
		dimensions []string
		value      string
		want       string
	}{
		"a label on the list is a dimension":       {[]string{"l"}, "v", "v/n_total"},
		"no list means the default one":            {nil, "v", "/n_total"},
		"an empty list means no dimensions":        {[]string{}, "v", "/n_total"},
		"quotes and backslashes survive":           {[]string{"l"}, `a"b\c`, `a"b\c/n_total`},
		"other scripts become question marks":      {[]string{"l"}, "aé日", "a??/n_total"},
		"control characters become question marks": {[]string{"l"}, "a\nb\x7f", "a?b?/n_total"},
		"an empty label is none":                   {[]string{"l"}, "", "/n_total"},
		"a blank label is none":                    {[]string{"l"}, " \t"[:1], "/n_total"},
		"too long a value is cut":                  {[]string{"l"}, long, long[:1024] + "/n_total"},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "n_total"}, []string{"l"})
			registry.MustRegister(counter)
			counter.WithLabelValues(test.value).Inc()
			exporter, out := newExporter(t, registry, emf.Config{Dimensions: test.dimensions})
			got := numbers(t, flush(t, exporter, out))
			if diff := cmp.Diff(map[string]float64{test.want: 1}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlushUnits(t *testing.T) {
	units := map[string]string{
		"a_seconds": "Seconds", "a_seconds_total": "Seconds", "a_bytes": "Bytes", "a_bytes_total": "Bytes",
		"a_total": "Count", "a_info": "", "seconds": "", "a_ratio": "",
	}
	registry := prometheus.NewRegistry()
	for name := range units {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name})
		gauge.Set(1)
		registry.MustRegister(gauge)
	}
	exporter, out := newExporter(t, registry, emf.Config{})
	got := make(map[string]string)
	for _, m := range flush(t, exporter, out)[0].AWS.CloudWatchMetrics[0].Metrics {
		got[m.Name] = m.Unit
	}
	if diff := cmp.Diff(units, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFlushSequencesOfOneSeries(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, test := range map[string]struct {
		family func(string, float64) *dto.MetricFamily
		values []float64 // as gathered; NaN among counters stands for a series that is missing
		want   []float64 // as written; NaN for nothing
	}{
		"a counter that grows, rests and grows":   {counterFamily, []float64{2, 5, 5, 6}, []float64{2, 3, nan, 1}},
		"a counter that has not begun":            {counterFamily, []float64{0, 1}, []float64{nan, 1}},
		"a counter that starts over":              {counterFamily, []float64{5, 2, 3}, []float64{5, 2, 1}},
		"a counter that goes and comes back":      {counterFamily, []float64{5, nan, 7}, []float64{5, nan, 7}},
		"a counter that becomes infinite":         {counterFamily, []float64{5, inf}, []float64{5, nan}},
		"a gauge is written when it changes":      {gaugeFamily, []float64{0, 0, 3, 3, -1}, []float64{0, nan, 3, nan, -1}},
		"a gauge without a value is not written":  {gaugeFamily, []float64{nan, inf, 2}, []float64{nan, nan, 2}},
		"a gauge that loses its value and has it": {gaugeFamily, []float64{2, nan, 2}, []float64{2, nan, 2}},
		"a gauge too small for CloudWatch is 0":   {gaugeFamily, []float64{1e-200}, []float64{0}},
		"a gauge too large is not written":        {gaugeFamily, []float64{1e200}, []float64{nan}},
	} {
		t.Run(name, func(t *testing.T) {
			source := new(gathered)
			exporter, out := newExporter(t, source, emf.Config{})
			for i, value := range test.values {
				source.families = []*dto.MetricFamily{test.family("m", value)}
				if math.IsNaN(value) && source.families[0].GetType() == dto.MetricType_COUNTER {
					source.families = nil
				}
				want := map[string]float64{"/m": test.want[i]}
				if math.IsNaN(test.want[i]) {
					want = map[string]float64{}
				}
				if diff := cmp.Diff(want, numbers(t, flush(t, exporter, out))); diff != "" {
					t.Errorf("flush %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}

// A series deleted and made anew between two flushes may already be larger
// than the old one was: its creation time tells.
func TestFlushTellsASeriesMadeAnew(t *testing.T) {
	registry := prometheus.NewRegistry()
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "n_total"}, []string{"l"})
	registry.MustRegister(vec)
	exporter, out := newExporter(t, registry, emf.Config{})
	vec.WithLabelValues("a").Add(3)
	flush(t, exporter, out)
	vec.Reset()
	vec.WithLabelValues("a").Add(5)
	if got := numbers(t, flush(t, exporter, out)); got["/n_total"] != 5 {
		t.Errorf("got %v, want the 5 of the new series", got)
	}
}

func TestFlushLeavesOutWhatHasNoPlaceInALine(t *testing.T) {
	for name, test := range map[string]struct{ metric, want string }{
		"a name in another script":   {"größe", "printable ASCII"},
		"a blank name":               {" ", "printable ASCII"},
		"too long a name":            {strings.Repeat("n", 256), "printable ASCII"},
		"the name of a dimension":    {"grpc_code", "has that name"},
		"the name of a fixed one":    {"service", "has that name"},
		"the name of the log level":  {"level", "has that name"},
		"the name of the metadata":   {"_aws", "has that name"},
		"the name of a gauge before": {"good", "another type"},
	} {
		t.Run(name, func(t *testing.T) {
			source := &gathered{families: []*dto.MetricFamily{gaugeFamily("good", 1), counterFamily(test.metric, 1)}}
			exporter, out := newExporter(t, source, emf.Config{Fixed: map[string]string{"service": "s"}})
			bad := source.families[1]
			bad.Metric = append(bad.Metric, bad.Metric[0]) // two series, and one complaint
			err := exporter.Flush()
			if err == nil || strings.Count(err.Error(), "leaving out") != 1 || !strings.Contains(err.Error(), fmt.Sprintf("emf: leaving out metric %q: ", test.metric)) ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one that says %q", err, test.want)
			}
			if diff := cmp.Diff(map[string]float64{"s/good": 1}, numbers(t, parse(t, out.Bytes()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
