package emf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultInterval is the [Config.Interval] of a Config that has none: the
// resolution at which CloudWatch keeps the metrics.
const DefaultInterval = time.Minute

// DefaultDimensions are the labels that become dimensions when a [Config] does
// not name any: those that tell RPCs and their outcomes apart. The slice is
// the caller's.
func DefaultDimensions() []string {
	return []string{"grpc_service", "grpc_method", "grpc_code", "transport"}
}

// Config says how metrics are written. All but Namespace can be left out.
type Config struct {
	// Namespace is the CloudWatch namespace of all metrics: up to 255 of
	// letters, digits and ".-_/#:". CloudWatch keeps "AWS/" for itself.
	Namespace string

	// Dimensions are the names of the labels that become dimensions of the
	// metrics that have them. Nil means DefaultDimensions; empty means none.
	Dimensions []string

	// Fixed are further dimensions, name to value, that every metric gets.
	// With Dimensions they may be up to 30.
	Fixed map[string]string

	// Interval is the least time between two flushes of FlushIfDue.
	// DefaultInterval when zero or less.
	Interval time.Duration

	// Level is the log level that each line bears: TRACE, DEBUG, INFO, WARN,
	// ERROR or FATAL, in either case. Lambda takes a line without one for
	// INFO, and drops it when the function has JSON logs and an application
	// log level above INFO: pass that level here. Empty leaves it out.
	Level string

	// Now is the clock. It dates the lines and paces FlushIfDue; time.Now
	// when nil.
	Now func() time.Time
}

// The limits of CloudWatch that a configuration or a label can run into.
const (
	maxDimensions     = 30
	maxNameBytes      = 255
	maxDimensionValue = 1024
)

// dimension is the name and the value of one.
type dimension struct{ name, value string }

// layout is a Config that has been found valid.
type layout struct {
	namespace string
	labels    []string    // that become dimensions, in order
	fixed     []dimension // sorted by name
	level     string
}

func newLayout(c Config) (layout, error) {
	l := layout{namespace: c.Namespace, labels: slices.Clone(c.Dimensions), level: strings.ToUpper(c.Level)}
	if c.Dimensions == nil {
		l.labels = DefaultDimensions()
	}
	for name, value := range c.Fixed {
		l.fixed = append(l.fixed, dimension{name, value})
	}
	slices.SortFunc(l.fixed, func(a, b dimension) int { return strings.Compare(a.name, b.name) })
	return l, errors.Join(l.checkNamespace(), l.checkDimensions(), l.checkLevel())
}

func (l *layout) checkNamespace() error {
	const others = ".-_/#:"
	for _, r := range l.namespace {
		if !isAlphanumeric(r) && !strings.ContainsRune(others, r) {
			return fmt.Errorf("namespace %q: only letters, digits and %q are allowed", l.namespace, others)
		}
	}
	switch {
	case len(l.namespace) > maxNameBytes:
		return fmt.Errorf("namespace of %d characters: at most %d are allowed", len(l.namespace), maxNameBytes)
	case strings.TrimSpace(l.namespace) == "":
		return errors.New("namespace is missing")
	case strings.HasPrefix(l.namespace, "AWS/"), strings.HasPrefix(l.namespace, ":"):
		return fmt.Errorf("namespace %q: one may not begin with \"AWS/\" or \":\"", l.namespace)
	}
	return nil
}

func (l *layout) checkDimensions() error {
	if n := len(l.labels) + len(l.fixed); n > maxDimensions {
		return fmt.Errorf("%d dimensions: at most %d are allowed", n, maxDimensions)
	}
	seen := make(map[string]bool)
	check := func(name string) error {
		switch {
		case !isName(name) || name[0] == ':':
			return fmt.Errorf("dimension name %q: it must be 1 to %d printable ASCII characters, the first not %q",
				name, maxNameBytes, ":")
		case isReserved(name):
			return fmt.Errorf("dimension name %q: it has another meaning in a log line", name)
		case seen[name]:
			return fmt.Errorf("dimension %q is named twice", name)
		}
		seen[name] = true
		return nil
	}
	var errs []error
	for _, name := range l.labels {
		errs = append(errs, check(name))
	}
	for _, d := range l.fixed {
		errs = append(errs, check(d.name))
		if d.value == "" || d.value != dimensionValue(d.value) {
			errs = append(errs, fmt.Errorf("dimension %q has the value %q: it must be 1 to %d printable ASCII characters",
				d.name, d.value, maxDimensionValue))
		}
	}
	return errors.Join(errs...)
}

func (l *layout) checkLevel() error {
	switch l.level {
	case "", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL":
		return nil
	}
	return fmt.Errorf("level %q: it must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL", l.level)
}

// isTaken reports whether a metric of that name would share its place in the
// JSON object with something else.
func (l *layout) isTaken(name string) bool {
	return isReserved(name) || slices.Contains(l.labels, name) ||
		slices.ContainsFunc(l.fixed, func(d dimension) bool { return d.name == name })
}
