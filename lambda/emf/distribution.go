package emf

import (
	"cmp"
	"math"
	"slices"
)

// distribution is a number of observations by bucket.
type distribution struct {
	buckets []bucket
	sum     float64 // of the observations; not finite when it is not known
}

// bucket counts observations above lower, up to upper. The bounds at both ends
// of a distribution are infinite.
type bucket struct{ lower, upper, count float64 }

// point is a value and how often it was observed.
type point struct{ value, count float64 }

// add adds the observations of a series of histograms, which may have other
// bounds than those before.
func (d *distribution) add(s series) {
	d.sum += s.sum
	lower, below := math.Inf(-1), uint64(0)
	for i, bound := range s.bounds {
		d.addBucket(i, bucket{lower, bound, difference(s.counts[i], below)})
		lower, below = bound, max(below, s.counts[i])
	}
	d.addBucket(len(s.bounds), bucket{lower, math.Inf(1), difference(s.count, below)})
}

// difference is at least 0, also for a collector that counts inconsistently.
func difference(a, b uint64) float64 {
	if a < b {
		return 0
	}
	return float64(a - b)
}

// addBucket adds b to the bucket of the same bounds: most often the i-th.
func (d *distribution) addBucket(i int, b bucket) {
	same := func(other bucket) bool { return other.lower == b.lower && other.upper == b.upper }
	if i >= len(d.buckets) || !same(d.buckets[i]) {
		i = slices.IndexFunc(d.buckets, same)
	}
	if i < 0 {
		d.buckets = append(d.buckets, b)
		return
	}
	d.buckets[i].count += b.count
}

// span is the part of b that its value is taken from. Below the lowest bound
// it begins at 0, as Prometheus' histogram_quantile has it, unless the bound
// is not above that; above the highest it has no width.
func (b bucket) span() (from, to float64) {
	switch {
	case math.IsInf(b.upper, 1):
		if math.IsInf(b.lower, -1) { // the only bucket
			return 0, 0
		}
		return b.lower, b.lower
	case math.IsInf(b.lower, -1):
		return min(b.upper, 0), b.upper
	}
	return min(b.lower, b.upper), b.upper
}

// points gives every bucket that is not empty its value, in rising order.
//
// The values lie at the same fraction of each bucket's span, chosen so that
// they add up to d.sum. Where the last bucket has observations there is no
// telling how far up they go: the others then stay at or below their middle
// and the last takes what is missing. Where the sum is less than the spans
// allow, the first bucket takes the difference, if it has observations.
func (d *distribution) points() []point {
	buckets := slices.DeleteFunc(slices.Clone(d.buckets), func(b bucket) bool { return b.count == 0 })
	if len(buckets) == 0 {
		return nil
	}
	fraction, low, high := d.place(buckets)
	points := make([]point, 0, len(buckets))
	for _, b := range buckets {
		from, to := b.span()
		value := min(max(from+fraction*(to-from), from), to)
		if math.IsInf(b.upper, 1) {
			value += high
		}
		if math.IsInf(b.lower, -1) {
			value += low
		}
		if isStorable(value) {
			points = append(points, point{value, b.count})
		}
	}
	if len(buckets) == 1 && len(points) == 1 {
		points[0].value = d.exact(buckets[0], points[0].value)
	}
	return merge(points)
}

// place is the fraction of the spans at which the values lie, and by how much
// those of the first and of the last bucket lie outside of their spans.
func (d *distribution) place(buckets []bucket) (fraction, low, high float64) {
	var base, width, first, last float64
	for _, b := range buckets {
		from, to := b.span()
		base += b.count * from
		width += b.count * (to - from)
		if math.IsInf(b.lower, -1) {
			first += b.count
		}
		if math.IsInf(b.upper, 1) {
			last += b.count
		}
	}
	rest := d.sum - base
	if !isStorable(rest) || !isStorable(width) {
		return 0.5, 0, 0
	}
	limit := 1.0
	if last > 0 {
		limit = 0.5
	}
	switch {
	case rest < 0 && first > 0:
		return 0, rest / first, 0
	case rest <= 0:
		return 0, 0, 0
	case rest > limit*width && last > 0:
		return limit, 0, (rest - limit*width) / last
	case rest > limit*width:
		return limit, 0, 0
	}
	return rest / width, 0, 0
}

// exact is the mean, free of the rounding errors in value, if the only bucket
// that is not empty can hold it.
func (d *distribution) exact(b bucket, value float64) float64 {
	if mean := d.sum / b.count; mean >= b.lower && mean <= b.upper && isStorable(mean) {
		return mean
	}
	return value
}

// merge sorts points by value and makes one of those with the same value.
func merge(points []point) []point {
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.value, b.value) })
	merged := points[:0]
	for _, p := range points {
		if n := len(merged); n > 0 && merged[n-1].value == p.value {
			merged[n-1].count += p.count
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// isStorable reports whether CloudWatch takes v: a number within ±2^360.
func isStorable(v float64) bool {
	return v >= -0x1p360 && v <= 0x1p360
}
