package main

import (
	"fmt"
	"math"
	"strings"
)

// duration formats seconds with three digits.
func duration(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "–"
	case seconds < 1e-6:
		return digits(seconds*1e9) + " ns"
	case seconds < 1e-3:
		return digits(seconds*1e6) + " µs"
	case seconds < 1:
		return digits(seconds*1e3) + " ms"
	}
	return digits(seconds) + " s"
}

// digits formats what is shown with a unit, with three significant digits.
func digits(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func ratio(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v < 0.0995:
		return fmt.Sprintf("%.3f", v)
	}
	return digits(v)
}

func count(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.0f", v)
}

func kibibytes(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return digits(v / 1024)
}

func megabytes(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return digits(v/1e6) + " MB"
}

func perSecond(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.2f M", v/1e6)
}

// A table is one in Markdown, all columns but the first aligned to the right.
type table struct{ lines []string }

func newTable(header ...string) *table {
	t := &table{}
	t.row(header...)
	t.lines = append(t.lines, "|---|"+strings.Repeat("---:|", len(header)-1))
	return t
}

func (t *table) row(cells ...string) {
	t.lines = append(t.lines, "| "+strings.Join(cells, " | ")+" |")
}

func (t *table) String() string { return strings.Join(t.lines, "\n") + "\n" }
