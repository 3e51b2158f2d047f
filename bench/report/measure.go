package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// everything but what runs processes, which is interleaved in itself and takes
// long.
const inProcess = "Request|Unary|Stream|Open|ColdStart|Event"

// A plan is how to run the benchmarks: each round runs all of them, so that a
// drift of the machine hits all alike. Tables show medians over the rounds.
type plan struct {
	rounds     int
	benchtime  string
	short      bool
	bootstraps int // in how many of the rounds processes are started
	out        string
}

func planFor(short bool) plan {
	if short {
		return plan{rounds: 2, benchtime: "40ms", short: true, bootstraps: 1, out: "dist/bench"}
	}
	return plan{rounds: 7, benchtime: "200ms", bootstraps: 3, out: "bench"}
}

// measure runs the benchmarks and writes RESULTS.md, the charts, and to
// dist/bench.txt the output that they were made from.
func measure(ctx context.Context, t tree, p plan, stdout io.Writer) error {
	temp, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	binary := filepath.Join(temp, "bench.test")
	if err := t.build(ctx, binary); err != nil {
		return err
	}
	var raw bytes.Buffer
	if err := describeMachine(ctx, t, p, &raw); err != nil {
		return err
	}
	began := time.Now()
	for i := range p.rounds {
		fmt.Fprintf(stdout, "round %d of %d\n", i+1, p.rounds)
		if err := p.round(ctx, t, binary, &raw, i); err != nil {
			return err
		}
	}
	fmt.Fprintf(&raw, "duration: %v\n", time.Since(began).Round(time.Second))
	rawPath := filepath.Join(t.dir, "dist", "bench.txt")
	if err := writeFile(rawPath, raw.Bytes()); err != nil {
		return err
	}
	out := filepath.Join(t.dir, p.out)
	if err := render(out, []string{rawPath}); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "wrote", filepath.Join(p.out, "RESULTS.md"))
	return nil
}

func (p plan) round(ctx context.Context, t tree, binary string, w io.Writer, i int) error {
	if err := t.bench(ctx, binary, w, "bench="+inProcess, "benchtime="+p.benchtime); err != nil {
		return err
	}
	grpchan, err := t.output(ctx, "go", "test", "-C", "bench/grpchan", "-run=^$", "-bench=.", "-benchtime="+p.benchtime)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, grpchan)
	if runtime.NumCPU() > 1 {
		one := "Request/.*/interceptors=(none|service)/payload=0/mode=(serial|spaced)|Unary/.*/payload=0|Stream|Open"
		if err := t.bench(ctx, binary, w, "bench="+one, "benchtime="+p.benchtime, "cpu=1"); err != nil {
			return err
		}
	}
	if i*p.bootstraps%p.rounds >= p.bootstraps {
		return nil // spread evenly over the rounds
	}
	flags := []string{"bench=Bootstrap|Invocation", "benchtime=100x"}
	if p.short {
		flags = append(flags, "short")
	}
	return t.bench(ctx, binary, w, flags...)
}

// describeMachine writes what the numbers depend on as configuration lines of
// the benchmark format.
func describeMachine(ctx context.Context, t tree, p plan, w io.Writer) error {
	commit, err := t.output(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
	if err != nil {
		return err
	}
	modules, err := t.output(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"google.golang.org/grpc", "google.golang.org/protobuf", "github.com/grpc-ecosystem/grpc-gateway/v2", "github.com/aws/aws-lambda-go")
	if err != nil {
		return err
	}
	zip, err := deploymentPackage(ctx, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "date: %s\n", time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(w, "commit: %s\n", commit)
	fmt.Fprintf(w, "go: %s\n", runtime.Version())
	fmt.Fprintf(w, "cpus: %d\n", runtime.NumCPU())
	fmt.Fprintf(w, "kernel: %s\n", kernel())
	fmt.Fprintf(w, "modules: %s\n", strings.ReplaceAll(modules, "\n", ", "))
	fmt.Fprintf(w, "rounds: %d of %s a benchmark\n", p.rounds, p.benchtime)
	fmt.Fprintf(w, "zip: %d\n", zip)
	return nil
}

// kernel is the version of Linux, or the name of another system.
func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(release))
}

// deploymentPackage is the size of what is deployed for arm64, in bytes.
func deploymentPackage(ctx context.Context, t tree) (int64, error) {
	if _, err := t.output(ctx, "make", "-s", "build-lambda-zip", "ARCH=arm64"); err != nil {
		return 0, err
	}
	info, err := os.Stat(filepath.Join(t.dir, "dist", "lambda-arm64.zip"))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
