package calls

import (
	"cmp"
	"maps"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// Gather returns all that was counted so far, in the order of a registry:
// families by name, metrics by labels. The caller owns it. The error is nil.
func (r *Recorder) Gather() ([]*dto.MetricFamily, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var families []*dto.MetricFamily
	add := func(name string, t dto.MetricType, metrics []*dto.Metric) {
		if len(metrics) > 0 {
			families = append(families, &dto.MetricFamily{Name: &name, Type: &t, Metric: metrics})
		}
	}
	add("grpc_gateway_transport_info", dto.MetricType_GAUGE, r.info())
	add("grpc_server_handled_total", dto.MetricType_COUNTER, r.counters())
	add("grpc_server_handling_seconds", dto.MetricType_HISTOGRAM, r.histograms())
	return families, nil
}

func (r *Recorder) info() []*dto.Metric {
	if r.transport == "" {
		return nil
	}
	one := 1.0
	return []*dto.Metric{{Label: labels("transport", r.transport), Gauge: &dto.Gauge{Value: &one}}}
}

func (r *Recorder) counters() []*dto.Metric {
	var metrics []*dto.Metric
	for _, o := range slices.SortedFunc(maps.Keys(r.handled), func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.code.String(), b.code.String()), compare(a.method, b.method))
	}) {
		n := r.handled[o]
		metrics = append(metrics, &dto.Metric{
			Label:   append(labels("grpc_code", o.code.String()), o.labels()...),
			Counter: &dto.Counter{Value: &n},
		})
	}
	return metrics
}

func (r *Recorder) histograms() []*dto.Metric {
	var metrics []*dto.Metric
	for _, m := range slices.SortedFunc(maps.Keys(r.seconds), compare) {
		metrics = append(metrics, &dto.Metric{Label: m.labels(), Histogram: r.seconds[m].model()})
	}
	return metrics
}

func (h *histogram) model() *dto.Histogram {
	count, sum, cumulative := h.count, h.sum, uint64(0)
	model := &dto.Histogram{SampleCount: &count, SampleSum: &sum}
	for i, bound := range bounds() {
		cumulative += h.buckets[i]
		below := cumulative
		model.Bucket = append(model.Bucket, &dto.Bucket{CumulativeCount: &below, UpperBound: &bound})
	}
	return model
}

// labels are in the order of their names, as compare and Gather need them.
func (m method) labels() []*dto.LabelPair {
	return labels("grpc_method", m.name, "grpc_service", m.service, "grpc_type", m.kind)
}

func compare(a, b method) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.service, b.service), cmp.Compare(a.kind, b.kind))
}

func labels(namesAndValues ...string) []*dto.LabelPair {
	var pairs []*dto.LabelPair
	for pair := range slices.Chunk(namesAndValues, 2) {
		pairs = append(pairs, &dto.LabelPair{Name: &pair[0], Value: &pair[1]})
	}
	return pairs
}
