package emf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The limits of CloudWatch.
const (
	maxMetrics        = 100 // in a line
	maxValues         = 100 // of one metric in a line
	maxDimensions     = 30
	maxNameBytes      = 255
	maxDimensionValue = 1024

	// maxLineBytes is CloudWatch Logs' oldest limit for an event, less the 26
	// bytes that it adds. The sizes below are upper bounds of a line's parts.
	maxLineBytes = 256<<10 - 26
	maxValueSize = 50  // a value and its count
	maxFrameSize = 200 // a metric without its name and values, or a line without its metrics
)

// units are those of MetricDatum in the CloudWatch API reference.
var units = [...]string{
	"", "None", "Percent", "Seconds", "Microseconds", "Milliseconds", "Count", "Count/Second",
	"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
	"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
	"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
}

func checkNamespace(s string) error {
	const others = ".-_/#:"
	invalid := func(r rune) bool {
		return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	}
	switch {
	case s == "":
		return errors.New("namespace is missing")
	case strings.IndexFunc(s, invalid) >= 0:
		return fmt.Errorf("namespace %q: only letters, digits and %q are allowed", s, others)
	case len(s) > maxNameBytes:
		return fmt.Errorf("namespace of %d characters: at most %d are allowed", len(s), maxNameBytes)
	case strings.HasPrefix(s, "AWS/"), strings.HasPrefix(s, ":"):
		return fmt.Errorf("namespace %q: it may not begin with \"AWS/\" or \":\"", s)
	}
	return nil
}

func checkLevel(level string) error {
	if !slices.Contains([]string{"", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, level) {
		return fmt.Errorf("level %q: it must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL", level)
	}
	return nil
}

func checkMetric(name, unit string, dimensions []Dimension) error {
	switch {
	case len(dimensions) > maxDimensions:
		return fmt.Errorf("%d dimensions: at most %d are allowed", len(dimensions), maxDimensions)
	case !isName(name):
		return fmt.Errorf("a name is 1 to %d printable ASCII characters", maxNameBytes)
	case isReserved(name):
		return errors.New("the name has another meaning in a log line")
	case !slices.Contains(units[:], unit):
		return fmt.Errorf("unit %.64q: CloudWatch has no such unit: want one such as Count, Seconds or Bytes", unit)
	}
	for i, d := range dimensions {
		taken := func(other Dimension) bool { return other.Name == d.Name }
		switch {
		case !isName(d.Name) || d.Name[0] == ':':
			return fmt.Errorf("dimension %q: a name is 1 to %d printable ASCII characters, the first not %q", d.Name, maxNameBytes, ":")
		case isReserved(d.Name) || d.Name == name || slices.ContainsFunc(dimensions[:i], taken):
			return fmt.Errorf("dimension %q: the name is taken", d.Name)
		}
	}
	return nil
}

// isReserved reports whether CloudWatch or Lambda's log filter uses name at the
// root of a line.
func isReserved(name string) bool { return name == "_aws" || name == "level" || name == "timestamp" }

func isName(s string) bool {
	return len(s) <= maxNameBytes && strings.TrimSpace(s) != "" && strings.IndexFunc(s, isUnprintable) < 0
}

// isUnprintable reports whether r is not printable ASCII.
func isUnprintable(r rune) bool { return r < ' ' || r > '~' }

// isStorable reports whether CloudWatch accepts v: 0, or a number of either sign
// whose magnitude is from 2^-360 to 2^360.
func isStorable(v float64) bool {
	size := math.Abs(v)
	return v == 0 || size >= 0x1p-360 && size <= 0x1p360
}

// dimensionValue returns s as a dimension value that CloudWatch accepts. It
// replaces every character that is not printable ASCII by a question mark and cuts
// the result at the limit. If s has only spaces, it returns "" and the caller
// leaves the dimension out.
func dimensionValue(s string) string {
	s = strings.Map(func(r rune) rune {
		if isUnprintable(r) {
			return '?'
		}
		return r
	}, s[:min(len(s), maxDimensionValue)])
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}
