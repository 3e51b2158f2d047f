package emf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// clock stands still until it is moved.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.UnixMilli(1_800_000_000_123)} }

func (c *clock) Now() time.Time { return c.now }

// newExporter takes the parts of config that a test does not name from here.
func newExporter(t *testing.T, g prometheus.Gatherer, config emf.Config) (*emf.Exporter, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	if config.Namespace == "" {
		config.Namespace = "test"
	}
	if config.Now == nil {
		config.Now = newClock().Now
	}
	e, err := emf.New(out, g, config)
	if err != nil {
		t.Fatal(err)
	}
	return e, out
}

// flush returns what one flush writes, checked.
func flush(t *testing.T, e *emf.Exporter, out *bytes.Buffer) []document {
	t.Helper()
	out.Reset()
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	return parse(t, out.Bytes())
}

// numbers is what the documents say of metrics that are numbers, as
// "value,of,dimensions/name".
func numbers(t *testing.T, documents []document) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for _, d := range documents {
		var values []string
		for _, name := range d.AWS.CloudWatchMetrics[0].Dimensions[0] {
			var value string
			if err := json.Unmarshal(d.members[name], &value); err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		for _, m := range d.AWS.CloudWatchMetrics[0].Metrics {
			if v := d.number(m.Name); !math.IsNaN(v) {
				all[strings.Join(values, ",")+"/"+m.Name] += v
			}
		}
	}
	return all
}

// histogram is the statistics of a metric, of which there is one line.
func histogram(t *testing.T, documents []document, name string) statistics {
	t.Helper()
	if len(documents) != 1 {
		t.Fatalf("%d lines, want 1", len(documents))
	}
	var s statistics
	if err := json.Unmarshal(documents[0].members[name], &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// gathered is a gatherer of what a test puts into it.
type gathered struct {
	families []*dto.MetricFamily
	err      error
}

func (g *gathered) Gather() ([]*dto.MetricFamily, error) { return g.families, g.err }

func counterFamily(name string, value float64) *dto.MetricFamily {
	return &dto.MetricFamily{
		Name: &name, Type: dto.MetricType_COUNTER.Enum(),
		Metric: []*dto.Metric{{Counter: &dto.Counter{Value: &value}}},
	}
}

func gaugeFamily(name string, value float64) *dto.MetricFamily {
	return &dto.MetricFamily{
		Name: &name, Type: dto.MetricType_GAUGE.Enum(),
		Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &value}}},
	}
}

// The numbers are such that no step is rounded: they come out alike on every
// architecture.
func TestGolden(t *testing.T) {
	registry := prometheus.NewRegistry()
	labels := []string{"grpc_type", "grpc_service", "grpc_method"}
	handled := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_server_handled_total"}, append(labels, "grpc_code"))
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_server_handling_seconds", Buckets: []float64{0.125, 1, 8},
	}, labels)
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "transport_info", ConstLabels: prometheus.Labels{"transport": "unix"}})
	size := prometheus.NewSummary(prometheus.SummaryOpts{Name: "body_bytes", Objectives: map[float64]float64{0.5: 0.05}})
	registry.MustRegister(handled, seconds, info, size)

	clock := newClock()
	exporter, out := newExporter(t, registry, emf.Config{
		Namespace: "grpc/gateway",
		Fixed:     map[string]string{"service": "ping", "function": "my-function"},
		Level:     "warn",
		Now:       clock.Now,
	})
	call := func(method, code string, took float64) {
		handled.WithLabelValues("unary", "example.v1.PingService", method, code).Inc()
		seconds.WithLabelValues("unary", "example.v1.PingService", method).Observe(took)
	}
	var golden bytes.Buffer
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"the first calls", func() {
			info.Set(1)
			call("Ping", "OK", 0.03125)
			call("Ping", "NotFound", 0.59375)
			call("Pong", "OK", 0.5)
		}},
		{"nothing", func() {}},
		{"one method only", func() {
			call("Ping", "OK", 0.25)
			call("Ping", "OK", 0.5)
			call("Ping", "OK", 20)
		}},
		{"another kind", func() { size.Observe(100); size.Observe(50) }},
	} {
		step.do()
		clock.now = clock.now.Add(time.Minute)
		flush(t, exporter, out)
		fmt.Fprintf(&golden, "# %s\n%s", step.name, out)
	}
	compareGolden(t, "flushes.jsonl", golden.Bytes())
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), rewritten by -update:\n%s", path, diff)
	}
}

func TestFlushIfDue(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "n_total"})
	registry.MustRegister(counter)
	clock := newClock()
	exporter, out := newExporter(t, registry, emf.Config{Interval: 10 * time.Second, Now: clock.Now})
	for _, step := range []struct {
		name  string
		after time.Duration
		want  float64
	}{
		{"the first one is due at once", 0, 1},
		{"not yet", 9 * time.Second, 0},
		{"after the interval, with what was held back", time.Second, 2},
		{"again not yet", 5 * time.Second, 0},
		{"after the clock was set back", -time.Hour, 2},
		{"an interval from there", 10 * time.Second, 1},
	} {
		counter.Inc()
		clock.now = clock.now.Add(step.after)
		out.Reset()
		if err := exporter.FlushIfDue(); err != nil {
			t.Fatal(err)
		}
		if got := numbers(t, parse(t, out.Bytes()))["/n_total"]; got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
	counter.Inc()
	if got := numbers(t, flush(t, exporter, out))["/n_total"]; got != 1 {
		t.Errorf("Flush waits for no interval: got %v, want 1", got)
	}
}

// failing is a writer that fails while told to.
type failing struct {
	bytes.Buffer
	err error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Buffer.Write(b)
}

func TestFlushRepeatsWhatCouldNotBeWritten(t *testing.T) {
	source := &gathered{families: []*dto.MetricFamily{counterFamily("n_total", 3), gaugeFamily("g", 7)}}
	out := &failing{err: errors.New("pipe is closed")}
	exporter, err := emf.New(out, source, emf.Config{Namespace: "test", Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := exporter.Flush(); !errors.Is(err, out.err) || !strings.HasPrefix(err.Error(), "emf: writing metrics: ") {
		t.Errorf("got the error %v", err)
	}
	out.err = nil
	source.families[0] = counterFamily("n_total", 4)
	if err := exporter.Flush(); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"/n_total": 4, "/g": 7}
	if diff := cmp.Diff(want, numbers(t, parse(t, out.Bytes()))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFlushWritesWhatAFailingGathererGives(t *testing.T) {
	n, g, other := counterFamily("n_total", 3), gaugeFamily("g", 7), counterFamily("o_total", 1)
	source := &gathered{families: []*dto.MetricFamily{n, g}}
	exporter, out := newExporter(t, source, emf.Config{})
	flush(t, exporter, out)

	out.Reset()
	source.families, source.err = []*dto.MetricFamily{other}, errors.New("a collector failed")
	if err := exporter.Flush(); !errors.Is(err, source.err) || !strings.HasPrefix(err.Error(), "emf: gathering metrics: ") {
		t.Errorf("got the error %v", err)
	}
	if got := numbers(t, parse(t, out.Bytes())); got["/o_total"] != 1 {
		t.Errorf("got %v, want what was gathered", got)
	}
	source.families, source.err = []*dto.MetricFamily{counterFamily("n_total", 4), g, other}, nil // the gauge is as it was
	if diff := cmp.Diff(map[string]float64{"/n_total": 1}, numbers(t, flush(t, exporter, out))); diff != "" {
		t.Errorf("what was missing goes on from where it was (-want +got):\n%s", diff)
	}
}

func TestFlushLosesNothingWhenCalledConcurrently(t *testing.T) {
	const workers, rounds = 8, 200
	registry := prometheus.NewRegistry()
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "n_total"}, []string{"grpc_method", "other"})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "n_seconds", Buckets: []float64{1, 2}})
	registry.MustRegister(calls, seconds)
	out := new(bytes.Buffer) // written only under the exporter's lock
	exporter, err := emf.New(out, registry, emf.Config{Namespace: "test", Interval: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range rounds {
				calls.WithLabelValues(fmt.Sprint(i%3), fmt.Sprint(w)).Inc()
				seconds.Observe(float64(i % 3))
				if err := exporter.FlushIfDue(); err != nil {
					t.Error(err)
				}
			}
			if err := exporter.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	documents := parse(t, out.Bytes())
	want := map[string]float64{"0/n_total": 67 * workers, "1/n_total": 67 * workers, "2/n_total": 66 * workers}
	if diff := cmp.Diff(want, numbers(t, documents)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var count, sum float64
	for _, d := range documents {
		if raw, found := d.members["n_seconds"]; found {
			var s statistics
			if err := json.Unmarshal(raw, &s); err != nil {
				t.Fatal(err)
			}
			count, sum = count+s.Count, sum+s.Sum
		}
	}
	if count != workers*rounds || sum != 199*workers {
		t.Errorf("got %v observations of %v in all, want %d of %d", count, sum, workers*rounds, 199*workers)
	}
}
