package emf_test

import (
	"math"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

// FuzzLines gathers families that no registry has checked.
func FuzzLines(f *testing.F) {
	f.Add("n_total", "grpc_method", "Ping", "other", 1.5, uint64(3), uint8(0))
	f.Add("größe", "level", "a\"b\\c\x00\u2028", "\xff", math.Inf(1), uint64(0), uint8(1))
	f.Add("_aws", "_aws", " ", "_aws", -1e300, uint64(1)<<63, uint8(4))
	f.Fuzz(func(t *testing.T, name, label, value, other string, number float64, count uint64, kind uint8) {
		config := emf.Config{Dimensions: []string{label}, Fixed: map[string]string{"fixed": "x"}, Namespace: "test", Level: "error"}
		if _, err := emf.New(nil, nil, config); err != nil {
			config.Dimensions = []string{"grpc_method"} // newExporter would fail
			label = "grpc_method"
		}
		typ := dto.MetricType(int32(kind) % 6)
		metric := func(value string) *dto.Metric {
			return &dto.Metric{
				Label:   []*dto.LabelPair{{Name: &label, Value: &value}, {Name: &other, Value: &value}},
				Counter: &dto.Counter{Value: &number}, Gauge: &dto.Gauge{Value: &number}, Untyped: &dto.Untyped{Value: &number},
				Summary: &dto.Summary{SampleCount: &count, SampleSum: &number},
				Histogram: &dto.Histogram{SampleCount: &count, SampleSum: &number, Bucket: []*dto.Bucket{
					{UpperBound: &number, CumulativeCount: &count}, {UpperBound: new(float64), CumulativeCount: &count},
				}},
			}
		}
		source := &gathered{families: []*dto.MetricFamily{
			{Name: &name, Type: &typ, Metric: []*dto.Metric{metric(value), metric(other)}},
			{Name: &other, Type: &typ, Metric: []*dto.Metric{metric(value)}},
			counterFamily("known", 1),
		}}
		exporter, out := newExporter(t, source, config)
		err := exporter.Flush()
		known := false
		for _, d := range parse(t, out.Bytes()) {
			known = known || d.members["known"] != nil
		}
		if !known {
			t.Errorf("the metric that is known to be good is missing: %v\n%s", err, out)
		}
	})
}
