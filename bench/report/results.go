package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"regexp"
	"slices"

	"golang.org/x/perf/benchfmt"
)

// results are the measurements of all runs in base units, such as seconds and bytes.
type results struct {
	Config map[string]string
	Prices Prices
	values map[quantity][]value
	run    string // if set, only the values of this run count
	round  string // if set, only the values of this round count
}

// A quantity is a benchmark's name, without "Benchmark" and the number of CPUs, and a
// unit.
type quantity struct{ name, unit string }

// A value is a measurement of one round.
type value struct {
	run, round string
	number     float64
}

func readResults(path string) (*results, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &results{Config: map[string]string{}, values: map[quantity][]value{}}
	for _, match := range regexp.MustCompile(`(?m)^([a-z]+): (.*)$`).FindAllSubmatch(content, -1) {
		r.Config[string(match[1])] = string(match[2])
	}
	reader := benchfmt.NewReader(bytes.NewReader(content), path)
	for reader.Scan() {
		if err := r.add(reader.Result()); err != nil {
			return nil, err
		}
	}
	if len(r.values) == 0 {
		return nil, errors.New("no benchmark output")
	}
	return r, reader.Err()
}

func (r *results) add(record benchfmt.Record) error {
	switch record := record.(type) {
	case *benchfmt.Result:
		name := regexp.MustCompile(`-\d+$`).ReplaceAllString(record.Name.String(), "")
		for _, v := range record.Values {
			q := quantity{name, v.Unit}
			r.values[q] = append(r.values[q], value{record.GetConfig("run"), record.GetConfig("round"), v.Value})
		}
	case *benchfmt.SyntaxError:
		return record
	}
	return nil
}

// only returns the results of one run or, if round is set, of one of its rounds.
func (r *results) only(run, round string) *results {
	return &results{r.Config, r.Prices, r.values, run, round}
}

func (r *results) numbers(name, unit string) []float64 {
	var numbers []float64
	for _, v := range r.values[quantity{name, unit}] {
		if (r.run == "" || r.run == v.run) && (r.round == "" || r.round == v.round) {
			numbers = append(numbers, v.number)
		}
	}
	return numbers
}

// Median returns the median of a quantity over the rounds. If it was not measured,
// Median returns NaN, and every ratio with it is NaN.
func (r *results) Median(name, unit string) float64 { return median(r.numbers(name, unit)) }

// ratio returns the ratio of a quantity between two benchmarks. It is the median of
// the ratios within each round, because both run close in time there.
func (r *results) ratio(name, base, unit string) float64 {
	a, b := r.numbers(name, unit), r.numbers(base, unit)
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
