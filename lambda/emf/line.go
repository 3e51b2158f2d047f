package emf

import (
	"math"
	"strconv"
	"time"
)

// The limits of a line. CloudWatch Logs once took 256 KiB an event, with 26
// bytes of its own, and takes 1 MiB since 2025: the smaller limit costs at most
// one more line.
const (
	maxMetrics   = 100
	maxValues    = 100
	maxLineBytes = 256<<10 - 26
)

// encode is the lines of all that is to be written, each with its newline.
func (c *collection) encode(now time.Time) []byte {
	var out []byte
	for _, g := range c.sorted() {
		l := newLine(c.layout, g, now)
		for _, m := range g.metrics {
			out = c.encodeMetric(out, l, g, m)
		}
		out = l.end(out)
	}
	return out
}

func (c *collection) encodeMetric(out []byte, l *line, g *group, m *metric) []byte {
	switch m.kind {
	case isGauge:
		if c.gaugeChanged(g, m) {
			out = l.add(out, m, appendNumber(nil, m.value))
		}
	case isIncrease:
		if m.value != 0 && isStorable(m.value) {
			out = l.add(out, m, appendNumber(nil, m.value))
		}
	case isDistribution:
		points := m.distribution.points()
		for begin := 0; begin < len(points); begin += maxValues {
			if begin > 0 { // a line holds a name once
				out = l.end(out)
			}
			part := points[begin:min(begin+maxValues, len(points))]
			out = l.add(out, m, m.distribution.appendPart(nil, part, len(part) == len(points)))
		}
	}
	return out
}

// appendPart appends the target member of some of d's points. The sum is d's
// own when they are all of them, and otherwise theirs.
func (d *distribution) appendPart(b []byte, points []point, all bool) []byte {
	var sum, count float64
	for _, p := range points {
		sum += p.value * p.count
		count += p.count
	}
	if all && isStorable(d.sum) {
		sum = d.sum
	}
	sum = min(max(sum, -0x1p360), 0x1p360)
	b = append(b, `{"Values":[`...)
	for i, p := range points {
		b = appendNumber(appendComma(b, i), p.value)
	}
	b = append(b, `],"Counts":[`...)
	for i, p := range points {
		b = appendNumber(appendComma(b, i), p.count)
	}
	b = appendNumber(append(b, `],"Min":`...), points[0].value)
	b = appendNumber(append(b, `,"Max":`...), points[len(points)-1].value)
	b = appendNumber(append(b, `,"Sum":`...), sum)
	b = appendNumber(append(b, `,"Count":`...), count)
	return append(b, '}')
}

// line is the log line that a group is being written to.
type line struct {
	head        []byte // up to the definitions of the metrics
	middle      []byte // between these and the metrics
	definitions []byte
	members     []byte
	metrics     int
}

func newLine(lay *layout, g *group, now time.Time) *line {
	l := &line{head: []byte(`{"_aws":{"Timestamp":`)}
	l.head = strconv.AppendInt(l.head, now.UnixMilli(), 10)
	l.head = appendString(append(l.head, `,"CloudWatchMetrics":[{"Namespace":`...), lay.namespace)
	l.head = append(l.head, `,"Dimensions":[[`...)
	l.middle = append(l.middle, `]}]}`...)
	if lay.level != "" {
		l.middle = appendString(append(l.middle, `,"level":`...), lay.level)
		l.middle = append(l.middle, `,"timestamp":"`...)
		l.middle = append(now.UTC().AppendFormat(l.middle, "2006-01-02T15:04:05.000Z"), '"')
	}
	n := 0
	for _, dimensions := range [][]dimension{lay.fixed, g.labels} {
		for _, d := range dimensions {
			l.head = appendString(appendComma(l.head, n), d.name)
			l.middle = appendString(append(l.middle, ','), d.name)
			l.middle = appendString(append(l.middle, ':'), d.value)
			n++
		}
	}
	l.head = append(l.head, `]],"Metrics":[`...)
	return l
}

// add adds a metric, and writes the line to out first when it is full.
func (l *line) add(out []byte, m *metric, value []byte) []byte {
	definition := appendString([]byte(`{"Name":`), m.name)
	if m.unit != "" {
		definition = appendString(append(definition, `,"Unit":`...), m.unit)
	}
	definition = append(definition, '}')
	member := append(append(appendString([]byte{','}, m.name), ':'), value...)

	const punctuation = 8
	size := len(l.head) + len(l.definitions) + len(l.middle) + len(l.members) + punctuation
	if l.metrics == maxMetrics || size+len(definition)+len(member) > maxLineBytes {
		out = l.end(out)
	}
	l.definitions = append(appendComma(l.definitions, l.metrics), definition...)
	l.members = append(l.members, member...)
	l.metrics++
	return out
}

// end writes the line to out, if it has any metrics, and begins another.
func (l *line) end(out []byte) []byte {
	if l.metrics == 0 {
		return out
	}
	out = append(append(out, l.head...), l.definitions...)
	out = append(append(out, l.middle...), l.members...)
	l.definitions, l.members, l.metrics = l.definitions[:0], l.members[:0], 0
	return append(out, "}\n"...)
}

// appendComma appends the comma before the i-th of a list.
func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

// appendString appends s, of which it is known that it is printable ASCII, as
// JSON.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// appendNumber appends v, which is finite, as JSON: with an exponent only
// where the digits would become many. A number too small for CloudWatch,
// below 2^-360, is 0.
func appendNumber(b []byte, v float64) []byte {
	size := math.Abs(v)
	if size < 0x1p-360 {
		return append(b, '0')
	}
	format := byte('f')
	if size < 1e-6 || size >= 1e21 {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}
