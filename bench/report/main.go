// Command report runs the benchmarks in bench and writes what they say:
//
//	report run [-short]         RESULTS.md and the charts, from a new run
//	report render FILE...       the same, from output of an earlier run
//	report compare -base REF    whether this tree is slower than REF
//
// It is started by `make bench`, `make bench-short` and `make bench-compare`.
// compare exits with 1 when something became slower, and with 2 when it could
// not be found out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errSlower):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
}

// errSlower says that a comparison was made and did not end well.
var errSlower = errors.New("slower")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("want one of the commands run, render, compare")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", "../..", "the repository's `directory`")
	switch args[0] {
	case "run":
		short := flags.Bool("short", false, "take less than two minutes, and write to dist/bench instead of bench")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return measure(ctx, tree{*root, stderr}, planFor(*short), stdout)
	case "render":
		out := flags.String("out", ".", "the `directory` to write to")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return render(*out, flags.Args())
	case "compare":
		c := comparison{head: tree{*root, stderr}, stdout: stdout}
		c.flags(flags)
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return c.run(ctx)
	}
	return fmt.Errorf("%q: want one of the commands run, render, compare", args[0])
}
