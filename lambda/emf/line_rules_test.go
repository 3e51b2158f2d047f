package emf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// document is a line as CloudWatch reads it.
type document struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	members map[string]json.RawMessage
}

// statistics is a histogram's target member.
type statistics struct {
	Values, Counts       []float64
	Min, Max, Sum, Count float64
}

// parse splits what a flush wrote into documents and checks each line against
// the rules of the format.
func parse(t *testing.T, written []byte) []document {
	t.Helper()
	var documents []document
	for line := range bytes.Lines(written) {
		d, err := parseLine(line)
		if err != nil {
			t.Fatalf("%v\nin the line %.2000q", err, line)
		}
		documents = append(documents, d)
	}
	return documents
}

// parseLine holds the rules: those of the specification and its JSON schema,
// of MetricDatum and of Dimension.
func parseLine(line []byte) (document, error) {
	var d document
	line, hasNewline := bytes.CutSuffix(line, []byte("\n"))
	switch {
	case !hasNewline:
		return d, errors.New("no newline at the end")
	case len(line)+26 > 256<<10:
		return d, fmt.Errorf("a line of %d bytes", len(line))
	case len(line) == 0 || line[0] != '{' || line[len(line)-1] != '}':
		return d, errors.New("something besides the object")
	case bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }):
		return d, errors.New("a character that is not printable ASCII")
	}
	if err := checkKeys(json.NewDecoder(bytes.NewReader(line))); err != nil {
		return d, err
	}
	if err := json.Unmarshal(line, &d.members); err != nil {
		return d, err
	}
	strict := json.NewDecoder(bytes.NewReader(d.members["_aws"]))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&d.AWS); err != nil {
		return d, fmt.Errorf("_aws: %w", err)
	}
	return d, d.check()
}

// checkKeys fails for an object that has a key twice.
func checkKeys(dec *json.Decoder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	open, isOpen := token.(json.Delim)
	if !isOpen {
		return nil
	}
	seen := make(map[string]bool)
	for dec.More() {
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			if seen[key.(string)] {
				return fmt.Errorf("key %q twice", key)
			}
			seen[key.(string)] = true
		}
		if err := checkKeys(dec); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (d *document) check() error {
	if len(d.AWS.CloudWatchMetrics) != 1 || d.AWS.Timestamp <= 0 {
		return errors.New("not one directive, or no timestamp")
	}
	directive := d.AWS.CloudWatchMetrics[0]
	switch {
	case len(directive.Namespace) < 1 || len(directive.Namespace) > 255:
		return fmt.Errorf("namespace %q", directive.Namespace)
	case len(directive.Dimensions) != 1:
		return fmt.Errorf("%d dimension sets", len(directive.Dimensions))
	case len(directive.Dimensions[0]) > 30:
		return fmt.Errorf("%d dimensions", len(directive.Dimensions[0]))
	case len(directive.Metrics) < 1 || len(directive.Metrics) > 100:
		return fmt.Errorf("%d metrics", len(directive.Metrics))
	}
	targets := map[string]bool{"_aws": true, "level": true, "timestamp": true}
	for _, name := range directive.Dimensions[0] {
		if err := errors.Join(checkTarget(targets, name), d.checkDimension(name)); err != nil {
			return err
		}
	}
	for _, m := range directive.Metrics {
		if err := errors.Join(checkTarget(targets, m.Name), checkUnit(m.Unit), d.checkMetric(m.Name)); err != nil {
			return err
		}
	}
	for name := range d.members {
		if !targets[name] {
			return fmt.Errorf("member %q is no target", name)
		}
	}
	return d.checkLevel()
}

func checkTarget(targets map[string]bool, name string) error {
	if len(name) < 1 || len(name) > 255 || strings.TrimSpace(name) == "" || targets[name] {
		return fmt.Errorf("name %q is no name or is used twice", name)
	}
	targets[name] = true
	return nil
}

func checkUnit(unit string) error {
	if unit != "" && !slices.Contains([]string{"Seconds", "Bytes", "Count"}, unit) {
		return fmt.Errorf("unit %q", unit)
	}
	return nil
}

func (d *document) checkDimension(name string) error {
	var value string
	if err := json.Unmarshal(d.members[name], &value); err != nil {
		return fmt.Errorf("dimension %q: %w", name, err)
	}
	if len(value) > 1024 || strings.TrimSpace(value) == "" || name[0] == ':' {
		return fmt.Errorf("dimension %q: %q", name, value)
	}
	return nil
}

func (d *document) checkLevel() error {
	if d.members["level"] == nil && d.members["timestamp"] == nil {
		return nil
	}
	var level string
	var at time.Time
	if err := json.Unmarshal(d.members["level"], &level); err != nil {
		return fmt.Errorf("level: %w", err)
	}
	if err := json.Unmarshal(d.members["timestamp"], &at); err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	if at.UnixMilli() != d.AWS.Timestamp {
		return fmt.Errorf("timestamp %v is not that of the metrics", at)
	}
	return nil
}

func (d *document) checkMetric(name string) error {
	raw := d.members[name]
	if len(raw) == 0 || raw[0] != '{' {
		return checkNumbers(name, d.number(name))
	}
	var s statistics
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&s); err != nil {
		return fmt.Errorf("metric %q: %w", name, err)
	}
	var count, sum float64
	for i, v := range s.Values {
		if i > 0 && v <= s.Values[i-1] {
			return fmt.Errorf("metric %q: values not distinct or not in order: %v", name, s.Values)
		}
		if i < len(s.Counts) {
			count += s.Counts[i]
			sum += s.Counts[i] * v
		}
	}
	switch {
	case len(s.Values) < 1 || len(s.Values) > 100 || len(s.Counts) != len(s.Values):
		return fmt.Errorf("metric %q: %d values, %d counts", name, len(s.Values), len(s.Counts))
	case slices.Min(s.Counts) < 1 || s.Count != count:
		return fmt.Errorf("metric %q: counts %v, count %v", name, s.Counts, s.Count)
	case s.Min != s.Values[0] || s.Max != s.Values[len(s.Values)-1]:
		return fmt.Errorf("metric %q: %v to %v", name, s.Min, s.Max)
	}
	return checkNumbers(name, append(s.Values, s.Sum, s.Count)...)
}

// number is NaN where there is none.
func (d *document) number(name string) float64 {
	var v float64
	if err := json.Unmarshal(d.members[name], &v); err != nil {
		return math.NaN()
	}
	return v
}

func checkNumbers(name string, numbers ...float64) error {
	for _, v := range numbers {
		if size := math.Abs(v); !(size <= 0x1p360) || v != 0 && size < 0x1p-360 {
			return fmt.Errorf("metric %q: CloudWatch takes no %v", name, v)
		}
	}
	return nil
}

// The rules are worth something only if they find what is wrong.
func TestRulesFindWhatIsWrong(t *testing.T) {
	const good = `{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"ns","Dimensions":[["d"]],` +
		`"Metrics":[{"Name":"m","Unit":"Count"},{"Name":"h"}]}]},"d":"v","m":1,` +
		`"h":{"Values":[1,2],"Counts":[3,4],"Min":1,"Max":2,"Sum":11,"Count":7}}` + "\n"
	if _, err := parseLine([]byte(good)); err != nil {
		t.Fatalf("a good line: %v", err)
	}
	for name, change := range map[string][2]string{
		"a newline is missing":               {"\n", ""},
		"the line is cut":                    {"}\n", "\n"},
		"a control character in a value":     {`"v"`, "\"\x01\""},
		"a key comes twice":                  {`"m":1`, `"m":1,"m":1`},
		"an unknown field in _aws":           {`"Timestamp"`, `"X":1,"Timestamp"`},
		"no timestamp":                       {`"Timestamp":1574109732004,`, ``},
		"a timestamp that is no integer":     {`1574109732004`, `1574109732.5`},
		"an empty namespace":                 {`"ns"`, `""`},
		"a dimension without a target":       {`"d":"v",`, ``},
		"a dimension that is a number":       {`"d":"v"`, `"d":1`},
		"an empty dimension":                 {`"d":"v"`, `"d":""`},
		"too long a dimension":               {`"v"`, `"` + strings.Repeat("v", 1025) + `"`},
		"too many dimensions":                {`["d"]`, `["d"` + strings.Repeat(`,"e"`, 30) + `]`},
		"too many metrics":                   {`{"Name":"h"}`, `{"Name":"h"}` + strings.Repeat(`,{"Name":"n"}`, 99)},
		"a metric without a target":          {`"m":1,`, ``},
		"a metric that is a string":          {`"m":1`, `"m":"1"`},
		"a unit that CloudWatch has not":     {`"Unit":"Count"`, `"Unit":"Hours"`},
		"a member that is no target":         {`"m":1`, `"m":1,"n":1`},
		"a metric named as a dimension is":   {`"Name":"h"`, `"Name":"d"`},
		"a number too large":                 {`"m":1`, `"m":1e109`},
		"a number too small":                 {`"m":1`, `"m":1e-109`},
		"a value without a count":            {`"Counts":[3,4]`, `"Counts":[7]`},
		"a value that comes twice":           {`[1,2]`, `[2,2]`},
		"a count that does not add up":       {`"Count":7`, `"Count":8`},
		"a count of nothing":                 {`[3,4]`, `[0,7]`},
		"an unknown statistic":               {`"Sum"`, `"Mean"`},
		"a level that is no string":          {`"d":"v"`, `"d":"v","level":1`},
		"a level with a bad time":            {`"d":"v"`, `"d":"v","level":"WARN","timestamp":"now"`},
		"a level with the time of something": {`"d":"v"`, `"d":"v","level":"WARN","timestamp":"2020-01-01T00:00:00Z"`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, change[0], change[1], 1)
			if bad == good {
				t.Fatal("nothing was changed")
			}
			if _, err := parseLine([]byte(bad)); err == nil {
				t.Errorf("not found in %s", bad)
			}
		})
	}
}
