// Package emf writes metrics as CloudWatch Embedded Metric Format: one JSON
// object a line, which CloudWatch Logs turns into metrics without an agent, an
// extension or a call to any API.
//
// CloudWatch adds up what it receives, so a [Recorder] writes what has happened
// since the last time it wrote: of a counter the increase, of a distribution
// each value that was observed, with how often it was. Nothing is bucketed or
// estimated, so that CloudWatch's percentiles are those of the observations.
//
// Each distinct set of dimension values is billed as a metric of its own.
// Nothing runs in the background, since a function is frozen between
// invocations: the program calls [Recorder.FlushIfDue] after each invocation and
// [Recorder.Flush] before the end. As an instrumentation of a service.Service,
// the Recorder counts its calls, and the Service does that:
//
//	recorder, err := emf.New(os.Stdout, emf.Config{Namespace: "shop"})
//	...
//	service.WithInstrumentation(recorder.Instrument)
//
// The rules of the format are those of "Specification: Embedded metric format"
// in the CloudWatch user guide; limits and character sets are those of
// MetricDatum and Dimension in the CloudWatch API reference.
package emf

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// DefaultInterval is the [Config.Interval] of a Config that has none: the
// resolution at which CloudWatch keeps the metrics.
const DefaultInterval = time.Minute

// Config says how metrics are written. All but Namespace can be left out.
type Config struct {
	// Namespace is the CloudWatch namespace of all metrics: up to 255 of
	// letters, digits and ".-_/#:". CloudWatch keeps "AWS/" for itself.
	Namespace string

	// Interval is the least time between two flushes of FlushIfDue.
	// DefaultInterval when zero or less.
	Interval time.Duration

	// Level is the log level that each line bears: TRACE, DEBUG, INFO, WARN,
	// ERROR or FATAL, in either case. Lambda takes a line without one for
	// INFO, and drops it when the function has JSON logs and an application
	// log level above INFO: pass that level here. Empty leaves it out.
	Level string

	// Now is the clock. It dates the lines, paces FlushIfDue and measures calls;
	// time.Now when nil.
	Now func() time.Time
}

// A Dimension is the name of one and its value.
type Dimension struct{ Name, Value string }

// A Recorder holds metrics until they are written. It is safe for concurrent use.
type Recorder struct {
	w         io.Writer
	namespace string
	level     string
	interval  time.Duration
	now       func() time.Time

	mu     sync.Mutex
	last   time.Time // when a flush was last begun
	full   bool      // a metric has as many values as a line holds
	groups groups
	errs   []error // of the metrics that were refused since then
}

// New returns a Recorder that writes lines to w; on Lambda that is os.Stdout.
// Every flush makes at most one call of w.Write, with whole lines, so that w can
// be shared with a logger that does the same.
//
// The error says what CloudWatch would not accept of config.
func New(w io.Writer, config Config) (*Recorder, error) {
	r := &Recorder{
		w: w, namespace: config.Namespace, level: strings.ToUpper(config.Level),
		interval: config.Interval, now: config.Now, groups: groups{},
	}
	if r.interval <= 0 {
		r.interval = DefaultInterval
	}
	if r.now == nil {
		r.now = time.Now
	}
	if err := errors.Join(checkNamespace(r.namespace), checkLevel(r.level)); err != nil {
		return nil, fmt.Errorf("emf: reading the configuration: %w", err)
	}
	return r, nil
}

// Add adds n to a counter. unit is one of CloudWatch's, such as "Count", or
// empty. A name or value that CloudWatch does not take is left out, and an
// error of the next flush.
func (r *Recorder) Add(name, unit string, n float64, dimensions ...Dimension) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.metric(name, unit, false, n, dimensions); m != nil {
		m.sum += n
	}
}

// Observe adds a value to a distribution. It is otherwise like [Recorder.Add].
func (r *Recorder) Observe(name, unit string, value float64, dimensions ...Dimension) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.metric(name, unit, true, value, dimensions); m != nil {
		m.counts[value]++
		r.full = r.full || len(m.counts) >= maxValues
	}
}

// metric returns the metric to record value in, or nil. r.mu is held.
func (r *Recorder) metric(name, unit string, distribution bool, value float64, dimensions []Dimension) *metric {
	g := r.groups.of(dimensions)
	m := g.metrics[name]
	if m == nil {
		if err := checkMetric(name, unit, dimensions); err != nil {
			r.refuse(name, err)
			return nil
		}
		m = &metric{unit: unit}
		if distribution {
			m.counts = map[float64]int{}
		}
		g.metrics[name] = m
	}
	switch {
	case distribution != (m.counts != nil):
		r.refuse(name, errors.New("it is also a metric of another type"))
	case unit != m.unit:
		r.refuse(name, fmt.Errorf("unit %.64q: it is also a metric of the unit %q", unit, m.unit))
	case !isStorable(value):
		r.refuse(name, fmt.Errorf("CloudWatch does not take the value %v", value))
	default:
		return m
	}
	return nil
}

// refuse notes once between two flushes that name is left out.
func (r *Recorder) refuse(name string, why error) {
	err := fmt.Errorf("emf: leaving out metric %q: %w", name, why)
	for _, e := range r.errs {
		if e.Error() == err.Error() {
			return
		}
	}
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, err)
	}
}

// maxErrors bounds what a flush reports.
const maxErrors = 10

// Flush writes what was recorded since the last flush; without anything, it
// writes nothing. The error joins all that went wrong. What a writer fails to
// write is lost: it may have written a part.
func (r *Recorder) Flush() error { return r.flush(func(time.Time) bool { return true }) }

// FlushIfDue is Flush if the last flush was begun at least [Config.Interval]
// ago, if there was none, or if a metric has as many values as a line takes.
// Otherwise it does nothing: it costs a lock and a look at the clock.
func (r *Recorder) FlushIfDue() error {
	return r.flush(func(now time.Time) bool {
		since := now.Sub(r.last)
		return r.full || since < 0 || since >= r.interval
	})
}

func (r *Recorder) flush(due func(time.Time) bool) error {
	now := r.now().Round(0) // the monotonic clock may stand still while the process is frozen
	r.mu.Lock()
	if !due(now) {
		r.mu.Unlock()
		return nil
	}
	recorded, errs := r.groups, r.errs
	r.last, r.full, r.groups, r.errs = now, false, groups{}, nil
	r.mu.Unlock()

	if lines := r.encode(recorded, now); len(lines) > 0 {
		if _, err := r.w.Write(lines); err != nil {
			errs = append(errs, fmt.Errorf("emf: writing metrics: %w", err))
		}
	}
	return errors.Join(errs...)
}
