// Package emf writes the metrics of a Prometheus gatherer as CloudWatch
// Embedded Metric Format: one JSON object a line, which CloudWatch Logs turns
// into metrics without an agent, an extension or a call to any API.
//
// CloudWatch adds up what it receives, so an [Exporter] writes what has
// happened since the last time it wrote:
//
//   - A counter is written as its increase, and not at all without one.
//   - A histogram is written as the observations since, as a list of values
//     with their counts. Prometheus only knows the bucket of an observation, so
//     each bucket stands as one value within its bounds, at the same fraction
//     of the width of every bucket; the fraction is chosen so that the values
//     add up to the true sum. A series that was observed once since, as is
//     common in a function, is therefore written exactly. Sum and Count are
//     true; Min and Max are those of the values, right to a bucket's width.
//   - A gauge is written as its value when that has changed.
//   - A summary, or a histogram that has no fixed buckets, is written as two
//     counters, name_count and name_sum. Its quantiles are left out: they
//     cannot be added up. So are gauge histograms.
//
// Each distinct set of dimension values is billed as a metric of its own. Only
// labels on an allow-list become dimensions; over all others, series are added
// up, as Prometheus' sum by does. Nothing runs in the background, since a
// function is frozen between invocations: the program calls
// [Exporter.FlushIfDue] after each invocation and [Exporter.Flush] before the end.
//
// The rules of the format are those of "Specification: Embedded metric format"
// in the CloudWatch user guide; limits and character sets are those of
// MetricDatum and Dimension in the CloudWatch API reference.
package emf

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Gatherer is what has metrics: a prometheus.Gatherer, such as a registry. It
// is described here because importing that package takes a good millisecond of
// a cold start, also of those whose metrics are not Prometheus' own.
type Gatherer interface {
	Gather() ([]*dto.MetricFamily, error)
}

// An Exporter writes the metrics of one gatherer to one writer. It is safe for
// concurrent use.
type Exporter struct {
	w        io.Writer
	gatherer Gatherer
	layout   layout
	interval time.Duration
	now      func() time.Time

	mu      sync.Mutex // held for the whole of a flush
	last    time.Time  // when a flush was last begun
	written snapshot   // what the lines written so far add up to
}

// New returns an Exporter of what g gathers, in lines on w; on Lambda that is
// os.Stdout. Nothing is gathered or written before the first flush, which
// writes all that has been counted since the start of the process.
//
// Every flush makes at most one call of w.Write, with whole lines, so that w
// can be shared with a logger that does the same.
//
// The error says what CloudWatch would not accept of config.
func New(w io.Writer, g Gatherer, config Config) (*Exporter, error) {
	layout, err := newLayout(config)
	if err != nil {
		return nil, fmt.Errorf("emf: reading the configuration: %w", err)
	}
	e := &Exporter{w: w, gatherer: g, layout: layout, interval: config.Interval, now: config.Now}
	if e.interval <= 0 {
		e.interval = DefaultInterval
	}
	if e.now == nil {
		e.now = time.Now
	}
	return e, nil
}

// Flush writes what has changed since the last flush; if nothing has, it
// writes nothing.
//
// The error joins all that went wrong. A gatherer that fails in part does not
// keep the rest from being written; what is missing goes on from where it was
// once it is gathered again. A metric with an invalid name is skipped, and each
// flush that would have written it reports that. After an error
// of the writer the changes count as not written and the next flush repeats
// them: a writer that failed halfway may so be given a line twice.
func (e *Exporter) Flush() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flush(e.wallClock())
}

// FlushIfDue is Flush if the last flush was begun at least [Config.Interval]
// ago, or if there was none, and otherwise does nothing. It does not wait for
// a flush that is under way. Meant to be called after every invocation: what
// it costs between two flushes is a lock and a look at the clock.
func (e *Exporter) FlushIfDue() error {
	if !e.mu.TryLock() {
		return nil
	}
	defer e.mu.Unlock()
	now := e.wallClock()
	if since := now.Sub(e.last); since >= 0 && since < e.interval {
		return nil
	}
	return e.flush(now)
}

// wallClock strips the monotonic reading: that clock may stand still while the
// environment is frozen.
func (e *Exporter) wallClock() time.Time { return e.now().Round(0) }

// flush needs e.mu. An error of the gatherer can come with the families that
// could be gathered.
func (e *Exporter) flush(now time.Time) error {
	e.last = now
	families, gatherErr := e.gatherer.Gather()
	if gatherErr != nil {
		gatherErr = fmt.Errorf("emf: gathering metrics: %w", gatherErr)
	}
	c := newCollection(&e.layout, e.written)
	for _, family := range families {
		c.addFamily(family)
	}
	if gatherErr != nil {
		c.keepUnseen()
	}
	if lines := c.encode(now); len(lines) > 0 {
		if _, err := e.w.Write(lines); err != nil {
			return errors.Join(gatherErr, c.err(), fmt.Errorf("emf: writing metrics: %w", err))
		}
	}
	e.written = c.after
	return errors.Join(gatherErr, c.err())
}
