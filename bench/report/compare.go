package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A comparison runs the benchmarks of this tree and of another commit in turn,
// and lets benchstat say what differs.
type comparison struct {
	head      tree
	base      string
	bench     string
	benchtime string
	rounds    int
	threshold float64
	stdout    io.Writer
}

func (c *comparison) flags(f *flag.FlagSet) {
	f.StringVar(&c.base, "base", "HEAD", "the commit to compare with, any `ref` that git knows")
	f.StringVar(&c.bench, "bench", ownCode(), "which benchmarks, a `regexp` as of go test")
	f.StringVar(&c.benchtime, "benchtime", "40ms", "how long each runs in a round, as of go test")
	f.IntVar(&c.rounds, "rounds", 20, "how often each runs, at least 8: benchstat can tell nothing from fewer")
	f.Float64Var(&c.threshold, "threshold", 5, "`percent` by which something may be slower")
}

// ownCode matches the benchmarks of code that is ours, without those that are
// there to be compared with.
func ownCode() string {
	const own = "/transport=(unix|bufconn|inproc)$"
	return strings.Join([]string{
		"Request" + own + "/.*/payload=(0|1KiB)/mode=serial", "Unary" + own + "/payload=(0|1MiB)",
		"Stream" + own, "Open" + own, "ColdStart" + own, "Event/.*/adapter=event",
	}, "|")
}

// alpha is benchstat's level of significance. Among some 40 benchmarks the
// usual 0.05 would call two slower that are not.
const alpha = "0.001"

func (c *comparison) run(ctx context.Context) error {
	temp, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	base := tree{filepath.Join(temp, "base"), c.head.stderr}
	if _, err := c.head.output(ctx, "git", "worktree", "add", "--quiet", "--detach", base.dir, c.base); err != nil {
		return err
	}
	defer func() {
		_, _ = c.head.output(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", base.dir)
	}()
	sides := []*side{{name: "base", tree: base}, {name: "head", tree: c.head}}
	for _, s := range sides {
		s.binary, s.file = filepath.Join(temp, s.name+".test"), filepath.Join(temp, s.name+".txt")
	}
	if err := c.head.build(ctx, sides[1].binary); err != nil {
		return err
	}
	if err := c.buildBase(ctx, sides[0]); err != nil {
		return err
	}
	if err := c.alternate(ctx, sides); err != nil {
		return err
	}
	return c.verdict(ctx, sides[0].file, sides[1].file)
}

// side is one of the two that are compared.
type side struct {
	name   string
	tree   tree
	binary string
	file   string
	output bytes.Buffer
}

// buildBase compiles this tree's benchmarks against the other commit, so that
// both are measured in one way. Where they do not fit, because the commit lacks
// what they use, it compiles the commit's own.
func (c *comparison) buildBase(ctx context.Context, s *side) error {
	own := filepath.Join(s.tree.dir, "bench")
	kept := own + ".own"
	if err := os.Rename(own, kept); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := copyBenchmarks(filepath.Join(c.head.dir, "bench"), own); err != nil {
		return err
	}
	quiet := tree{s.tree.dir, io.Discard}
	if quiet.build(ctx, s.binary) == nil {
		return nil
	}
	fmt.Fprintf(c.stdout, "this tree's benchmarks do not fit %s: its own are used\n", c.base)
	if err := os.RemoveAll(own); err != nil {
		return err
	}
	if err := os.Rename(kept, own); err != nil {
		return fmt.Errorf("%s has no benchmarks of its own: %w", c.base, err)
	}
	return s.tree.build(ctx, s.binary)
}

// copyBenchmarks copies all but the report, a module of its own.
func copyBenchmarks(from, to string) error {
	for _, name := range []string{".", "hello", "testdata"} {
		entries, err := os.ReadDir(filepath.Join(from, name))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			content, err := os.ReadFile(filepath.Join(from, name, e.Name()))
			if err != nil {
				return err
			}
			if err := writeFile(filepath.Join(to, name, e.Name()), content); err != nil {
				return err
			}
		}
	}
	return nil
}

// alternate runs both sides in turn, now the one first and now the other.
func (c *comparison) alternate(ctx context.Context, sides []*side) error {
	for i := range c.rounds {
		fmt.Fprintf(c.stdout, "round %d of %d\n", i+1, c.rounds)
		for _, s := range sides {
			if err := s.tree.bench(ctx, s.binary, &s.output, "bench="+c.bench, "benchtime="+c.benchtime); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		slices.Reverse(sides)
	}
	for _, s := range sides {
		if err := os.WriteFile(s.file, s.output.Bytes(), 0o600); err != nil {
			return err
		}
	}
	if c.rounds%2 == 1 {
		slices.Reverse(sides)
	}
	return nil
}

// verdict prints what benchstat says and returns errSlower if it says that
// something takes longer than the threshold allows.
func (c *comparison) verdict(ctx context.Context, base, head string) error {
	args := []string{"tool", "-modfile=tools/lint/go.mod", "benchstat", "-alpha", alpha, "-filter", ".unit:(sec/op OR allocs/op)"}
	files := []string{c.base + "=" + base, "this tree=" + head}
	text, err := c.head.output(ctx, "go", slices.Concat(args, files)...)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, text)
	quiet := tree{c.head.dir, io.Discard} // it has said all that to stderr before
	table, err := quiet.output(ctx, "go", slices.Concat(args, []string{"-format", "csv"}, files)...)
	if err != nil {
		return err
	}
	slower, compared, err := slowerThan(table, c.threshold)
	if err != nil {
		return err
	}
	switch {
	case compared == 0:
		return fmt.Errorf("no benchmark matches %q on both sides", c.bench)
	case len(slower) > 0:
		return fmt.Errorf("%w than %s by more than %g%%, %d of %d benchmarks:\n  %s", errSlower, c.base, c.threshold, len(slower), compared, strings.Join(slower, "\n  "))
	}
	fmt.Fprintf(c.stdout, "none of %d benchmarks is slower than %s by more than %g%%\n", compared, c.base, c.threshold)
	return nil
}

// slowerThan reads benchstat's CSV: which benchmarks take significantly longer,
// by more than threshold per cent, and how many were compared.
func slowerThan(table string, threshold float64) (slower []string, compared int, err error) {
	reader := csv.NewReader(strings.NewReader(table))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, 0, fmt.Errorf("reading benchstat's table: %w", err)
	}
	inTime := false
	for _, row := range rows {
		if len(row) > 1 && row[0] == "" && strings.Contains(row[1], "/op") {
			inTime = row[1] == "sec/op" // the header of the next unit
			continue
		}
		const change, p = 5, 6 // after the name and two values with intervals
		if !inTime || len(row) <= p || row[0] == "" || row[0] == "geomean" || row[1] == "" || row[3] == "" {
			continue
		}
		compared++
		percent, err := strconv.ParseFloat(strings.TrimSuffix(row[change], "%"), 64)
		if err != nil || percent <= threshold {
			continue // "~" when there is no significant difference
		}
		slower = append(slower, fmt.Sprintf("%s %s (%s)", row[0], row[change], row[p]))
	}
	return slower, compared, nil
}
