package emf

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// collection is what one flush has to write.
type collection struct {
	layout        *layout
	before, after snapshot
	groups        map[string]*group
	errs          []error
	key           []byte // scratch
}

// group is the metrics that have the same dimensions.
type group struct {
	key     string
	labels  []dimension // those that come from labels
	metrics []*metric
	byName  map[string]*metric
}

// metric is what is to be written of one, over all the series it is made of.
type metric struct {
	name, unit   string
	kind         kind
	value        float64 // unless a distribution
	distribution distribution
}

type kind int

const (
	isIncrease kind = iota
	isGauge
	isDistribution
)

func newCollection(l *layout, before snapshot) *collection {
	return &collection{
		layout: l,
		before: before,
		after:  snapshot{make(map[string]series, len(before.series)), make(map[string]float64, len(before.gauges))},
		groups: make(map[string]*group),
	}
}

func (c *collection) err() error { return errors.Join(c.errs...) }

// addFamily leaves gauge histograms out: neither do they grow nor is there a
// value to write.
func (c *collection) addFamily(family *dto.MetricFamily) {
	name := family.GetName()
	for _, m := range family.GetMetric() {
		switch family.GetType() {
		case dto.MetricType_COUNTER:
			c.addIncrease(m, name, unitOf(name), c.growth(m, name, counterSeries(m.GetCounter())).sum)
		case dto.MetricType_GAUGE:
			c.addGauge(m, name, m.GetGauge().GetValue())
		case dto.MetricType_UNTYPED:
			c.addGauge(m, name, m.GetUntyped().GetValue())
		case dto.MetricType_SUMMARY:
			c.addCountAndSum(m, name, c.growth(m, name, summarySeries(m.GetSummary())))
		case dto.MetricType_HISTOGRAM:
			c.addHistogram(m, name)
		}
	}
}

func (c *collection) addHistogram(m *dto.Metric, name string) {
	grown := c.growth(m, name, histogramSeries(m.GetHistogram()))
	if len(m.GetHistogram().GetBucket()) == 0 {
		c.addCountAndSum(m, name, grown)
		return
	}
	if grown.count == 0 {
		return
	}
	if metric := c.metric(m, name, unitOf(name), isDistribution); metric != nil {
		metric.distribution.add(grown)
	}
}

func (c *collection) addCountAndSum(m *dto.Metric, name string, grown series) {
	c.addIncrease(m, name+"_count", "Count", float64(grown.count))
	c.addIncrease(m, name+"_sum", unitOf(name), grown.sum)
}

func (c *collection) addIncrease(m *dto.Metric, name, unit string, increase float64) {
	if increase == 0 {
		return
	}
	if metric := c.metric(m, name, unit, isIncrease); metric != nil {
		metric.value += increase
	}
}

func (c *collection) addGauge(m *dto.Metric, name string, value float64) {
	if metric := c.metric(m, name, unitOf(name), isGauge); metric != nil {
		metric.value += value
	}
}

// growth records the state of a series and returns what it has grown by.
func (c *collection) growth(m *dto.Metric, name string, now series) series {
	c.key = seriesKey(c.key[:0], name, m.GetLabel())
	grown := now
	if before, known := c.before.series[string(c.key)]; known {
		grown = now.since(before)
	}
	c.after.series[string(c.key)] = now
	return grown
}

// keepUnseen carries over the state of what was not gathered this time. What
// is missing without an error is gone, and begins at zero if it comes back.
func (c *collection) keepUnseen() {
	for key, s := range c.before.series {
		if _, seen := c.after.series[key]; !seen {
			c.after.series[key] = s
		}
	}
	for key, value := range c.before.gauges {
		c.after.gauges[key] = value // what was gathered is entered later
	}
}

// metric finds or makes the metric that m is a part of, or returns nil when it
// cannot be written.
func (c *collection) metric(m *dto.Metric, name, unit string, k kind) *metric {
	g := c.group(m)
	if found := g.byName[name]; found != nil {
		if found.kind != k {
			c.refuse(name, "it is also a metric of another type")
			return nil
		}
		return found
	}
	switch {
	case !isName(name):
		c.refuse(name, "CloudWatch takes 1 to 255 printable ASCII characters for a name")
		return nil
	case c.layout.isTaken(name):
		c.refuse(name, "a dimension or a field of the log line has that name")
		return nil
	}
	made := &metric{name: name, unit: unit, kind: k}
	g.byName[name] = made
	g.metrics = append(g.metrics, made)
	return made
}

// refuse notes once that name is left out, whatever the number of its series.
func (c *collection) refuse(name, why string) {
	err := fmt.Errorf("emf: leaving out metric %q: %s", name, why)
	if !slices.ContainsFunc(c.errs, func(e error) bool { return e.Error() == err.Error() }) {
		c.errs = append(c.errs, err)
	}
}

// group finds or makes the group that m belongs to.
func (c *collection) group(m *dto.Metric) *group {
	var labels []dimension
	c.key = c.key[:0]
	for _, name := range c.layout.labels {
		value := ""
		for _, l := range m.GetLabel() {
			if l.GetName() == name {
				value = dimensionValue(l.GetValue())
			}
		}
		c.key = appendPart(c.key, value)
		if value != "" {
			labels = append(labels, dimension{name, value})
		}
	}
	g := c.groups[string(c.key)]
	if g == nil {
		g = &group{key: string(c.key), labels: labels, byName: make(map[string]*metric)}
		c.groups[g.key] = g
	}
	return g
}

// sorted is the groups in an order that does not depend on the map's.
func (c *collection) sorted() []*group {
	groups := make([]*group, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int {
		return slices.CompareFunc(a.labels, b.labels, func(x, y dimension) int {
			if n := strings.Compare(x.name, y.name); n != 0 {
				return n
			}
			return strings.Compare(x.value, y.value)
		})
	})
	return groups
}

// gaugeChanged records the value of a gauge and reports whether it is another
// than the one last written. A value that CloudWatch does not take, such as
// the NaN of a gauge that has none, is not written, and forgotten.
func (c *collection) gaugeChanged(g *group, m *metric) bool {
	c.key = appendPart(append(c.key[:0], g.key...), m.name)
	if !isStorable(m.value) {
		return false
	}
	last, known := c.before.gauges[string(c.key)]
	c.after.gauges[string(c.key)] = m.value
	return !known || last != m.value
}
