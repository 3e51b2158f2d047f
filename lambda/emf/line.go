package emf

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// groups has the metrics by the key that [groups.of] makes of their dimensions.
type groups map[string]*group

// group has the metrics with the same dimensions.
type group struct {
	dimensions []Dimension // with values that CloudWatch accepts
	metrics    map[string]*metric
}

// metric is a counter's sum, or the number of observations of each value in a
// distribution.
type metric struct {
	unit   string
	sum    float64
	counts map[float64]int // nil for a counter
}

// of returns the group of dimensions and creates it if necessary.
func (all groups) of(dimensions []Dimension) *group {
	var buffer [256]byte
	key := buffer[:0]
	for _, d := range dimensions {
		for _, part := range [...]string{d.Name, d.Value} { // with their lengths, so different lists have different keys
			key = append(binary.AppendUvarint(key, uint64(len(part))), part...)
		}
	}
	g := all[string(key)]
	if g == nil {
		g = &group{metrics: map[string]*metric{}}
		for _, d := range dimensions {
			if value := dimensionValue(d.Value); value != "" {
				g.dimensions = append(g.dimensions, Dimension{d.Name, value})
			}
		}
		all[string(key)] = g
	}
	return g
}

// encode returns the lines of all metrics, each with its newline, in an order that
// does not depend on the order of the maps.
func (r *Recorder) encode(all groups, now time.Time) (out []byte) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		l := &line{recorder: r, group: all[key], now: now, members: map[string]any{}}
		for _, name := range slices.Sorted(maps.Keys(l.group.metrics)) {
			m := l.group.metrics[name]
			if m.counts == nil {
				l.add(name, m.unit, m.sum, 1)
			}
			for values := range slices.Chunk(slices.Sorted(maps.Keys(m.counts)), maxValues) {
				l.add(name, m.unit, newDistribution(values, m.counts), len(values))
			}
		}
		l.end()
		out = append(out, l.out...)
	}
	return out
}

// distribution is the member of a line for a metric with several values.
type distribution struct {
	Values   []float64
	Counts   []int
	Min, Max float64
	Sum      float64
	Count    int
}

func newDistribution(values []float64, counts map[float64]int) distribution {
	d := distribution{Values: values, Min: values[0], Max: values[len(values)-1]}
	for _, v := range values {
		d.Counts = append(d.Counts, counts[v])
		d.Sum += v * float64(counts[v])
		d.Count += counts[v]
	}
	return d
}

// definition declares a member of a line as a metric.
type definition struct {
	Name string
	Unit string `json:",omitempty"`
}

// line is the log line to which a group is being written.
type line struct {
	recorder *Recorder
	group    *group
	now      time.Time
	out      []byte // the lines that are complete

	definitions []definition
	members     map[string]any
	size        int // of the line at most, in bytes
}

// quotedSize returns the size of s, which is printable ASCII, as a JSON string with
// a comma after it.
func quotedSize(s string) int {
	return len(s) + strings.Count(s, `"`) + strings.Count(s, `\`) + len(`"",`)
}

// add adds a metric with n values. It first ends the line if that is full.
func (l *line) add(name, unit string, value any, n int) {
	size := 2*quotedSize(name) + maxFrameSize + n*maxValueSize
	_, taken := l.members[name] // a line can hold a name only once
	if taken || len(l.definitions) == maxMetrics || l.size+size > maxLineBytes {
		l.end()
	}
	if len(l.definitions) == 0 {
		l.size = quotedSize(l.recorder.namespace) + maxFrameSize
		for _, d := range l.group.dimensions {
			l.size += 2*quotedSize(d.Name) + quotedSize(d.Value)
		}
	}
	l.definitions = append(l.definitions, definition{name, unit})
	l.members[name] = value
	l.size += size
}

// end completes the line if it has metrics, and begins another one.
func (l *line) end() {
	if len(l.definitions) == 0 {
		return
	}
	names := []string{}
	for _, d := range l.group.dimensions {
		names = append(names, d.Name)
		l.members[d.Name] = d.Value
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	l.members["_aws"] = struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}{l.now.UnixMilli(), []directive{{l.recorder.namespace, [][]string{names}, l.definitions}}}
	if l.recorder.level != "" {
		l.members["level"] = l.recorder.level
		l.members["timestamp"] = l.now.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	out := bytes.NewBuffer(l.out)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)  // it takes six bytes for one
	_ = encoder.Encode(l.members) // always succeeds, since all numbers are finite
	l.out, l.definitions = out.Bytes(), nil
	clear(l.members)
}
