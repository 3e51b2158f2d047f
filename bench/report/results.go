package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// results are the measurements of one run. Values are in base units: seconds,
// bytes, messages a second.
type results struct {
	config map[string]string
	values map[key][]float64
	cpus   int // the most that any benchmark ran with
}

// A key is one measured quantity: a benchmark's name without "Benchmark" and
// the number of CPUs, that number, and the unit.
type key struct {
	name string
	cpus int
	unit string
}

// readResults reads output of the benchmarks. Several files, or several rounds
// in one, are samples of the same run.
func readResults(paths []string) (*results, error) {
	r := &results{config: map[string]string{}, values: map[key][]float64{}}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := r.read(content, path); err != nil {
			return nil, err
		}
	}
	if len(r.values) == 0 {
		return nil, fmt.Errorf("%s: no output of benchmarks", strings.Join(paths, ", "))
	}
	return r, nil
}

func (r *results) read(content []byte, path string) error {
	// Configuration after the last result belongs to no result.
	for _, match := range regexp.MustCompile(`(?m)^([a-z]+): (.*)$`).FindAllSubmatch(content, -1) {
		r.config[string(match[1])] = string(match[2])
	}
	reader := benchfmt.NewReader(bytes.NewReader(content), path)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.Result:
			name, cpus := splitCPUs(record.Name.String())
			r.cpus = max(r.cpus, cpus)
			for _, v := range record.Values {
				k := key{name, cpus, v.Unit}
				r.values[k] = append(r.values[k], v.Value)
			}
		case *benchfmt.SyntaxError:
			return record
		}
	}
	return reader.Err()
}

// splitCPUs takes the suffix -N off a name. Package testing leaves out -1.
func splitCPUs(name string) (string, int) {
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		if n, err := strconv.Atoi(name[i+1:]); err == nil {
			return name[:i], n
		}
	}
	return name, 1
}

// median is the median of a quantity over all rounds, or NaN when it was not
// measured, which makes every ratio with it NaN as well.
func (r *results) median(name, unit string) float64 { return r.medianAt(name, unit, r.cpus) }

func (r *results) medianAt(name, unit string, cpus int) float64 {
	sorted := slices.Sorted(slices.Values(r.values[key{name, cpus, unit}]))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio is a quantity of one benchmark relative to another's. It is the median
// over the rounds of the ratio within a round, in which both ran close in time,
// and falls back to the ratio of the medians when the rounds do not pair up.
func (r *results) ratio(name, base, unit string) float64 { return r.ratioAt(name, base, unit, r.cpus) }

func (r *results) ratioAt(name, base, unit string, cpus int) float64 {
	a, b := r.values[key{name, cpus, unit}], r.values[key{base, cpus, unit}]
	if len(a) == 0 || len(a) != len(b) {
		return r.medianAt(name, unit, cpus) / r.medianAt(base, unit, cpus)
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	slices.Sort(ratios)
	n := len(ratios)
	return (ratios[(n-1)/2] + ratios[n/2]) / 2
}
