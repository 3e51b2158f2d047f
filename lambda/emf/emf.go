// Package emf writes metrics in CloudWatch Embedded Metric Format, one JSON object
// a line. CloudWatch Logs turns the lines into metrics without an agent, an
// extension or a call to an API.
//
// CloudWatch adds up the values that it receives, so a [Recorder] writes only the
// changes since its last flush. For a counter it writes the increase. For a
// distribution it writes each observed value with its number of observations. It
// does not bucket or estimate, so CloudWatch's percentiles are exact.
//
// CloudWatch bills each distinct set of dimension values as a separate metric.
//
// Nothing runs in the background, since a function is frozen between invocations.
// The program calls [Recorder.FlushIfDue] after each invocation and
// [Recorder.Flush] before it ends. If the Recorder instruments a service.Service,
// it records the Service's calls and the Service flushes it:
//
//	recorder, err := emf.New(os.Stdout, emf.Config{Namespace: "shop"})
//	...
//	service.WithInstrumentation(recorder.Instrument)
//
// "Specification: Embedded metric format" in the CloudWatch user guide defines the
// format. MetricDatum and Dimension in the CloudWatch API reference define limits
// and character sets.
package emf

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// defaultInterval is the default of [Config.Interval]. It is the resolution at
// which CloudWatch stores metrics.
const defaultInterval = time.Minute

// Config configures a [Recorder]. Only Namespace is required.
type Config struct {
	// Namespace is the CloudWatch namespace of all metrics. It has at most 255
	// letters, digits and characters of ".-_/#:". CloudWatch reserves "AWS/".
	Namespace string

	// Interval is the minimum time between two flushes of FlushIfDue. The default,
	// for zero or less, is one minute.
	Interval time.Duration

	// Level is the log level in each line: TRACE, DEBUG, INFO, WARN, ERROR or
	// FATAL, in upper or lower case. If empty, lines have no level and count as
	// INFO. Lambda drops lines below the application log level of a function with
	// JSON logs; set Level to that level to keep them.
	Level string

	// Now is the clock for the lines' timestamps, FlushIfDue and the durations of
	// calls. The default is time.Now.
	Now func() time.Time
}

// A Dimension is the name and the value of a metric's dimension.
type Dimension struct{ Name, Value string }

// A Recorder collects metrics and writes them when it is flushed. It is safe for
// concurrent use.
type Recorder struct {
	w         io.Writer
	namespace string
	level     string
	interval  time.Duration
	now       func() time.Time

	mu     sync.Mutex
	last   time.Time // the start of the last flush
	full   bool      // a metric has as many values as a line can hold
	groups groups
	errs   []error // about metrics that were left out since then
}

// New returns a Recorder that writes lines to w, which is os.Stdout on Lambda.
// Each flush calls w.Write at most once, with whole lines. w can therefore be
// shared with a logger that also writes whole lines.
//
// The error names a value in config that CloudWatch does not accept.
func New(w io.Writer, config Config) (*Recorder, error) {
	r := &Recorder{
		w: w, namespace: config.Namespace, level: strings.ToUpper(config.Level),
		interval: config.Interval, now: config.Now, groups: groups{},
	}
	if r.interval <= 0 {
		r.interval = defaultInterval
	}
	if r.now == nil {
		r.now = time.Now
	}
	if err := errors.Join(checkNamespace(r.namespace), checkLevel(r.level)); err != nil {
		return nil, fmt.Errorf("emf: reading the configuration: %w", err)
	}
	return r, nil
}

// Add adds n to a counter. unit is a CloudWatch unit, such as "Count", or empty. A
// metric that CloudWatch does not accept is left out, and the next flush returns
// an error for it.
func (r *Recorder) Add(name, unit string, n float64, dimensions ...Dimension) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.metric(name, unit, false, n, dimensions); m != nil {
		m.sum += n
	}
}

// Observe adds a value to a distribution. Otherwise it is like [Recorder.Add].
func (r *Recorder) Observe(name, unit string, value float64, dimensions ...Dimension) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.metric(name, unit, true, value, dimensions); m != nil {
		m.counts[value]++
		r.full = r.full || len(m.counts) >= maxValues
	}
}

// metric returns the metric for value, or nil if it is left out. The caller holds
// r.mu.
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

// refuse records that name is left out, once between two flushes.
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

// maxErrors is the maximum number of errors that a flush reports.
const maxErrors = 10

// Flush writes the metrics recorded since the last flush, if any. The error joins
// the errors of the writer and of metrics that were left out. Metrics that the
// writer fails to write are lost, since it may have written some of them.
func (r *Recorder) Flush() error { return r.flush(func(time.Time) bool { return true }) }

// FlushIfDue calls Flush if the last flush began at least [Config.Interval] ago, if
// there was none, or if a metric has as many values as a line can hold. Otherwise
// it only takes a lock and reads the clock.
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
