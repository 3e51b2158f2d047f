package emf

import (
	"encoding/binary"
	"math"

	dto "github.com/prometheus/client_model/go"
)

// snapshot is what has been written up to some moment. One is never changed
// once it is an Exporter's: a flush builds its successor, which takes its place
// only when the lines are written.
type snapshot struct {
	series map[string]series  // by seriesKey
	gauges map[string]float64 // by group and name
}

// series is the state of one Prometheus series that only grows.
type series struct {
	created int64 // when it began, in ns; a new one of the same name differs
	count   uint64
	sum     float64 // of a counter, its value
	bounds  []float64
	counts  []uint64 // cumulative, one for each of bounds
}

func counterSeries(c *dto.Counter) series {
	return series{created: c.GetCreatedTimestamp().AsTime().UnixNano(), sum: c.GetValue()}
}

func summarySeries(s *dto.Summary) series {
	return series{
		created: s.GetCreatedTimestamp().AsTime().UnixNano(),
		count:   s.GetSampleCount(),
		sum:     s.GetSampleSum(),
	}
}

// histogramSeries leaves the bucket without an upper bound out, which may or
// may not be in h: the count is its cumulative count.
func histogramSeries(h *dto.Histogram) series {
	s := series{
		created: h.GetCreatedTimestamp().AsTime().UnixNano(),
		count:   h.GetSampleCount(),
		sum:     h.GetSampleSum(),
	}
	for _, b := range h.GetBucket() {
		if bound := b.GetUpperBound(); !math.IsInf(bound, 0) && !math.IsNaN(bound) {
			s.bounds = append(s.bounds, bound)
			s.counts = append(s.counts, b.GetCumulativeCount())
		}
	}
	return s
}

// since is what s has grown by since before. When s cannot be the continuation
// of before, because it was deleted and made anew or because its collector
// started over, then that is all of s: the rule by which Prometheus' own rate
// function handles a reset.
func (s series) since(before series) series {
	if !s.continues(before) {
		return s
	}
	s.count -= before.count
	s.sum -= before.sum
	counts := make([]uint64, len(s.counts))
	for i := range counts {
		counts[i] = s.counts[i] - before.counts[i]
	}
	s.counts = counts
	return s
}

func (s series) continues(before series) bool {
	if s.created != before.created || s.count < before.count || len(s.bounds) != len(before.bounds) {
		return false
	}
	if s.count == 0 && s.sum < before.sum { // a counter: the sum of others may shrink
		return false
	}
	for i, bound := range s.bounds {
		if bound != before.bounds[i] || s.counts[i] < before.counts[i] {
			return false
		}
	}
	return true
}

// seriesKey appends a key of its own for every name and set of labels, in the
// order in which the gatherer gives them: it sorts them.
func seriesKey(key []byte, name string, labels []*dto.LabelPair) []byte {
	key = appendPart(key, name)
	for _, l := range labels {
		key = appendPart(key, l.GetName())
		key = appendPart(key, l.GetValue())
	}
	return key
}

// appendPart appends s with its length before it, so that no two lists of
// parts make the same key.
func appendPart(key []byte, s string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}
