package emf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
)

// newRecorder returns a recorder, what it has written, and its clock.
func newRecorder(t *testing.T, config emf.Config) (*emf.Recorder, *bytes.Buffer, *time.Time) {
	t.Helper()
	now := time.UnixMilli(1_800_000_000_000)
	config.Namespace = "test"
	if config.Now == nil {
		config.Now = func() time.Time { return now }
	}
	out := new(bytes.Buffer)
	r, err := emf.New(out, config)
	if err != nil {
		t.Fatal(err)
	}
	return r, out, &now
}

// A target is a metric's member of a line.
type target struct {
	Values           []float64
	Counts           []int
	Min, Max, Sum    float64
	Count            int
	number           bool // a counter
	name, unit, dims string
}

// parse returns the metrics of all lines. It checks CloudWatch's rules for each
// line.
func parse(t *testing.T, text string) (targets []target) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(line) > 256<<10-26 {
			t.Errorf("a line of %d bytes", len(line))
		}
		var members map[string]json.RawMessage
		var document struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		}
		if err := errors.Join(json.Unmarshal([]byte(line), &members), json.Unmarshal(members["_aws"], &document)); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		d := document.CloudWatchMetrics[0]
		if document.Timestamp == 0 || d.Namespace != "test" || len(d.Metrics) == 0 || len(d.Metrics) > 100 {
			t.Errorf("the line has the time %d, the namespace %q and %d metrics", document.Timestamp, d.Namespace, len(d.Metrics))
		}
		var dims []string
		for _, name := range d.Dimensions[0] {
			var value string
			if err := json.Unmarshal(members[name], &value); err != nil || value == "" {
				t.Errorf("dimension %q is %s", name, members[name])
			}
			dims = append(dims, name+"="+value)
		}
		for _, m := range d.Metrics {
			got := target{name: m.Name, unit: m.Unit, dims: strings.Join(dims, ",")}
			if json.Unmarshal(members[m.Name], &got.Sum) == nil {
				got.number = true
			} else if err := json.Unmarshal(members[m.Name], &got); err != nil {
				t.Errorf("metric %s is %s", m.Name, members[m.Name])
			}
			if len(got.Values) > 100 || len(got.Values) != len(got.Counts) {
				t.Errorf("metric %s has %d values and %d counts", m.Name, len(got.Values), len(got.Counts))
			}
			targets = append(targets, got)
		}
	}
	return targets
}

func TestObserve_WritesEachValue(t *testing.T) {
	r, out, _ := newRecorder(t, emf.Config{})
	var want []float64
	for i := range 1234 {
		v := math.Sqrt(float64(i % 500))
		want = append(want, v)
		r.Observe("seconds", "Seconds", v, emf.Dimension{Name: "d", Value: "x"})
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []float64
	count, sum := 0, 0.0
	for _, m := range parse(t, out.String()) {
		for i, v := range m.Values {
			got = append(got, slices.Repeat([]float64{v}, m.Counts[i])...)
		}
		count += m.Count
		sum += m.Sum
		if m.Min != m.Values[0] || m.Max != m.Values[len(m.Values)-1] || m.unit != "Seconds" || m.dims != "d=x" {
			t.Errorf("min %v, max %v, unit %s, dimensions %s", m.Min, m.Max, m.unit, m.dims)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d values, which are not the %d that were observed", len(got), len(want))
	}
	total := 0.0
	for _, v := range want {
		total += v
	}
	if count != len(want) || math.Abs(sum-total) > 1e-9*total {
		t.Errorf("count %d, sum %v, want %d, %v", count, sum, len(want), total)
	}
}

func TestLines(t *testing.T) {
	for name, test := range map[string]struct {
		record func(*emf.Recorder)
		want   int // lines
	}{
		"nothing":                     {func(*emf.Recorder) {}, 0},
		"101 metrics":                 {func(r *emf.Recorder) { addMany(r, 101) }, 2},
		"one set of dimensions":       {func(r *emf.Recorder) { addMany(r, 2) }, 1},
		"two sets of dimensions":      {func(r *emf.Recorder) { r.Add("a", "", 1); r.Add("a", "", 1, dim("b", "c")) }, 2},
		"equal texts, other borders":  {func(r *emf.Recorder) { r.Add("a", "", 1, dim("b", `c"`)); r.Add("a", "", 1, dim("b", `c`)) }, 2},
		"30 long dimensions":          {func(r *emf.Recorder) { r.Add("a", "", 1, dims(30)...) }, 1},
		"as much as a line may have":  {func(r *emf.Recorder) { observeMany(r, 100, 20) }, 1},
		"more than a line may have":   {func(r *emf.Recorder) { observeMany(r, 40, 100) }, 2},
		"texts that HTML escapes":     {func(r *emf.Recorder) { observeEscaped(r, "<", 20) }, 1},
		"texts that JSON escapes":     {func(r *emf.Recorder) { observeEscaped(r, `\`, 20) }, 2},
		"a value twice is one value":  {func(r *emf.Recorder) { observeMany(r, 1, 100); observeMany(r, 1, 100) }, 1},
		"a line holds a name once":    {func(r *emf.Recorder) { observeMany(r, 1, 101) }, 2},
		"a dimension without a value": {func(r *emf.Recorder) { r.Add("a", "", 1, dim("b", " ")) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, out, _ := newRecorder(t, emf.Config{})
			test.record(r)
			if err := r.Flush(); err != nil {
				t.Fatal(err)
			}
			parse(t, out.String())
			if n := strings.Count(out.String(), "\n"); n != test.want {
				t.Errorf("%d lines, want %d", n, test.want)
			}
			out.Reset()
			if err := r.Flush(); err != nil || out.Len() > 0 {
				t.Errorf("the second flush: %v, %s", err, out)
			}
		})
	}
}

func dim(name, value string) emf.Dimension { return emf.Dimension{Name: name, Value: value} }

func dims(n int) (all []emf.Dimension) {
	for i := range n {
		all = append(all, dim(strings.Repeat("n", 250)+fmt.Sprint(i), strings.Repeat("v", 1024+i)))
	}
	return all
}

func addMany(r *emf.Recorder, n int) {
	for i := range n {
		r.Add(fmt.Sprint("metric", i), "Count", 1)
	}
}

// observeEscaped observes values of 100 metrics. Their names and dimensions are
// as long as possible, of one character.
func observeEscaped(r *emf.Recorder, char string, values int) {
	var all []emf.Dimension
	for i := range 30 {
		all = append(all, dim(strings.Repeat(char, 250)+fmt.Sprint(i), strings.Repeat(char, 1024)))
	}
	for i := range 100 {
		for j := range values {
			r.Observe(strings.Repeat(char, 250)+fmt.Sprint("m", i), "Gigabytes/Second", -1.2345678901234567e-100*float64(j+1), all...)
		}
	}
}

// observeMany observes values that are as long as possible.
func observeMany(r *emf.Recorder, metrics, values int) {
	all := dims(30)
	for i := range metrics {
		for j := range values {
			r.Observe(strings.Repeat("m", 250)+fmt.Sprint(i), "Seconds", -1.2345678901234567e-100*float64(j+1), all...)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		metric, unit string
		value        float64
		dimensions   []emf.Dimension
		want         string
	}{
		"a name that is not ASCII":      {"größe", "", 1, nil, "printable ASCII"},
		"no name":                       {"", "", 1, nil, "printable ASCII"},
		"a long name":                   {strings.Repeat("x", 256), "", 1, nil, "255"},
		"a name of the format's":        {"_aws", "", 1, nil, "another meaning"},
		"a unit in lower case":          {"a", "seconds", 1, nil, `unit "seconds"`},
		"a unit that is not ASCII":      {"a", "µs", 1, nil, "no such unit"},
		"infinity":                      {"a", "", math.Inf(1), nil, "+Inf"},
		"no number":                     {"a", "", math.NaN(), nil, "NaN"},
		"a small number":                {"a", "", 0x1p-361, nil, "does not take"},
		"31 dimensions":                 {"a", "", 1, dims(31), "at most 30"},
		"a dimension twice":             {"a", "", 1, []emf.Dimension{dim("b", "x"), dim("b", "y")}, "taken"},
		"a dimension like the metric":   {"a", "", 1, []emf.Dimension{dim("a", "x")}, "taken"},
		"a dimension of the format's":   {"a", "", 1, []emf.Dimension{dim("level", "x")}, "taken"},
		"a dimension that has no name":  {"a", "", 1, []emf.Dimension{dim(" ", "x")}, "printable ASCII"},
		"a dimension with a colon":      {"a", "", 1, []emf.Dimension{dim(":a", "x")}, "the first not"},
		"a distribution like a counter": {"other", "", 1, nil, "another type"},
	} {
		t.Run(name, func(t *testing.T) {
			r, out, _ := newRecorder(t, emf.Config{})
			r.Add("other", "", 1)
			r.Observe(test.metric, test.unit, test.value, test.dimensions...)
			r.Observe(test.metric, test.unit, test.value, test.dimensions...)
			err := r.Flush()
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("the error is %v, want one line with %q", err, test.want)
			}
			if got := parse(t, out.String()); len(got) != 1 || got[0].name != "other" || got[0].Sum != 1 {
				t.Errorf("written: %s", out)
			}
		})
	}
}

func TestAnotherUnitIsRefused(t *testing.T) {
	r, _, _ := newRecorder(t, emf.Config{})
	r.Add("a", "Count", 1)
	r.Add("a", "Bytes", 1)
	if err := r.Flush(); err == nil || !strings.Contains(err.Error(), `unit "Bytes": it is also a metric of the unit "Count"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, config := range []emf.Config{
		{}, {Namespace: "AWS/Lambda"}, {Namespace: ":a"}, {Namespace: "a b"}, {Namespace: "ä"},
		{Namespace: strings.Repeat("a", 256)}, {Namespace: "a", Level: "loud"},
	} {
		if _, err := emf.New(nil, config); err == nil {
			t.Errorf("%+v was taken", config)
		}
	}
}

func TestFlushIfDue(t *testing.T) {
	r, out, now := newRecorder(t, emf.Config{})
	flushed := func() bool {
		t.Helper()
		out.Reset()
		if err := r.FlushIfDue(); err != nil {
			t.Fatal(err)
		}
		return out.Len() > 0
	}
	r.Add("a", "", 1)
	if !flushed() {
		t.Error("the first flush is not due")
	}
	r.Add("a", "", 1)
	if flushed() {
		t.Error("a flush is due in the same minute")
	}
	for i := range 100 {
		r.Observe("b", "", float64(i))
	}
	if !flushed() {
		t.Error("no flush is due with a line full of values")
	}
	r.Add("a", "", 1)
	*now = now.Add(time.Minute)
	if !flushed() {
		t.Error("no flush is due after a minute")
	}
	r.Add("a", "", 1)
	*now = now.Add(-time.Hour)
	if !flushed() {
		t.Error("no flush is due when the clock was set back")
	}
}

func TestConfig_LevelPassesLambdasFilter(t *testing.T) {
	r, out, _ := newRecorder(t, emf.Config{Level: "warn"})
	r.Add("a", "", 1)
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	var got struct{ Level, Timestamp string }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Level != "WARN" || got.Timestamp != "2027-01-15T08:00:00.000Z" {
		t.Errorf("%v, %+v", err, got)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("on purpose") }

func TestFlush_ReturnsTheErrorOfTheWriter(t *testing.T) {
	r, err := emf.New(failing{}, emf.Config{Namespace: "test"})
	if err != nil {
		t.Fatal(err)
	}
	r.Add("a", "", 1)
	if err := r.Flush(); err == nil || !strings.Contains(err.Error(), "emf: writing metrics: on purpose") {
		t.Error(err)
	}
}

func TestRecorder_ConcurrentUse(t *testing.T) {
	r, out, _ := newRecorder(t, emf.Config{Interval: time.Nanosecond, Now: time.Now})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				r.Add("n", "", 1)
				r.Observe("v", "", float64(i))
			}
		})
	}
	wg.Wait()
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := `"n":800`; !strings.Contains(out.String(), want) || strings.Count(out.String(), `"Count":800`) != 1 {
		t.Errorf("no %s in %s", want, out)
	}
}

// FuzzDimension records with the values that clients may get into dimensions.
func FuzzDimension(f *testing.F) {
	f.Add("Ping", 1.5)
	f.Add("a\"b\\c\x00\u2028\xff", math.Inf(1))
	f.Add(strings.Repeat("ä", 600), -0x1p360)
	f.Fuzz(func(t *testing.T, value string, number float64) {
		r, out, _ := newRecorder(t, emf.Config{})
		r.Add("known", "Count", 1, dim("d", value))
		r.Observe("value", "", number, dim("d", value))
		err := r.Flush()
		got := parse(t, out.String())
		if len(got) < 1 || got[0].name != "known" {
			t.Errorf("the metric that is known to be good is missing: %v\n%s", err, out)
		}
		if rest, ok := strings.CutPrefix(got[0].dims, "d="); ok && (len(rest) > 1024 || strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r > '~' })) {
			t.Errorf("the dimension is %q", rest)
		}
		if (err == nil) != (len(got) == 2) || len(got) == 2 && !cmp.Equal(got[1].Values, []float64{number}) {
			t.Errorf("%v became %+v, %v", number, got, err)
		}
	})
}
