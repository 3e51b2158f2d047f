// Command report writes the results of the benchmarks in bench: RESULTS.md, the
// charts, and the figures in the pages that quote them.
//
//	report [flags] FILE
//
// FILE is the output of bench/run.sh, which `make bench` runs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "../..", "the repository's `directory`")
	out := flags.String("out", "", "write to this `directory` alone, not to bench and the pages")
	p := awsPrices()
	flags.Float64Var(&p.GBSecond, "gb-second", p.GBSecond, "the price of a GB-second in `dollars`")
	flags.Float64Var(&p.Million, "million-requests", p.Million, "the price of a million requests in `dollars`")
	flags.StringVar(&p.Source, "prices", p.Source, "what these prices are, as `text`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("want one file, not %q", flags.Args())
	}
	r, err := readResults(flags.Arg(0))
	if err != nil {
		return fmt.Errorf("reading results: %w", err)
	}
	r.Prices = p
	return r.write(*root, *out)
}
