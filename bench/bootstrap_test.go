package bench_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// BenchmarkBootstrap is the real function binary, built as it is for Lambda and
// run by the emulator, and the smallest possible function beside it:
//
//   - init-ns is from exec to the first call of next, cold-ns from exec to the
//     first answer;
//   - warm-p50-ns and warm-p99-ns are the invocations after that;
//   - packages-ns is the part of init that package initialisation takes, from
//     processes of their own with GODEBUG=inittrace=1;
//   - peak-bytes is the largest resident set.
//
// Processes are started in turns, so that a drift of the machine hits all
// functions alike; what is reported are medians. ns/op is b.N more invocations
// of one process. What the function allocates cannot be seen from here.
func BenchmarkBootstrap(b *testing.B) {
	rounds, invocations := 40, 50
	if testing.Short() {
		rounds, invocations = 8, 20
	}
	functions := buildFunctions(b)
	for i := range rounds {
		for _, f := range functions {
			f.live(b, invocations)
			if i%4 == 0 {
				f.trace(b)
			}
		}
	}
	for _, f := range functions {
		b.Run("transport="+f.name, func(b *testing.B) {
			process := f.start(b, emulator.Config{})
			for b.Loop() {
				f.invoke(b, process)
			}
			must(b, process.Close())
			f.report(b)
		})
	}
}

// function is a function binary with its settings and what was measured of it.
type function struct {
	name  string
	path  string
	env   []string
	event []byte

	init, cold, packages, warm durations
	peak                       durations // in bytes
}

// buildFunctions builds hello and the function with the flags of
// `make build-lambda-zip`. It returns the function once for each transport.
func buildFunctions(b *testing.B) []*function {
	event, err := os.ReadFile("testdata/ping.json")
	must(b, err)
	dir, command := b.TempDir(), lambdaBuild(b)
	for _, name := range []string{"lambda", "bench/hello"} {
		out := filepath.Join(dir, filepath.Base(name))
		cmd := exec.Command("sh", "-c", command+" -o "+out+" ./"+name)
		cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		if output, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", cmd, err, output)
		}
	}
	functions := []*function{{name: "hello", path: filepath.Join(dir, "hello")}}
	for _, name := range transports() {
		functions = append(functions, &function{
			name: name, path: filepath.Join(dir, "lambda"), env: []string{"TRANSPORT=" + name},
		})
	}
	for _, f := range functions {
		f.event = event
	}
	return functions
}

// lambdaBuild is the command that the Makefile builds the function with.
func lambdaBuild(b *testing.B) string {
	makefile, err := os.ReadFile("../Makefile")
	must(b, err)
	match := regexp.MustCompile(`(?m)^LAMBDA_BUILD := (go build .*)$`).FindSubmatch(makefile)
	if match == nil {
		b.Fatal("the Makefile does not say how LAMBDA_BUILD builds the function")
	}
	return string(match[1])
}

func (f *function) start(b *testing.B, config emulator.Config) *emulator.Function {
	config.Path, config.Env = f.path, append(config.Env, f.env...)
	process, err := emulator.Start(b.Context(), config)
	must(b, err)
	return process
}

func (f *function) invoke(b *testing.B, process *emulator.Function) {
	response, err := process.Invoke(b.Context(), f.event)
	must(b, err)
	var got struct {
		StatusCode int
		Body       string
	}
	must(b, json.Unmarshal(response.Payload, &got))
	if got.StatusCode != http.StatusOK || got.Body != `{"message":"Pong"}` {
		b.Fatalf("%s answered %s", f.name, response.Payload)
	}
}

// live lets one process live from its start to its end.
func (f *function) live(b *testing.B, invocations int) {
	process := f.start(b, emulator.Config{})
	f.invoke(b, process)
	answered := time.Now()
	for range invocations {
		start := time.Now()
		f.invoke(b, process)
		f.warm.add(time.Since(start))
	}
	must(b, process.Close())
	lives := process.Processes()
	if len(lives) != 1 {
		b.Fatalf("%s needed %d processes", f.name, len(lives))
	}
	f.init.add(lives[0].FirstNext.Sub(lives[0].Exec))
	f.cold.add(answered.Sub(lives[0].Exec))
	f.peak = append(f.peak, float64(lives[0].PeakMemory))
}

// trace adds up what the packages' initialisation takes in one process.
func (f *function) trace(b *testing.B) {
	var stderr bytes.Buffer
	process := f.start(b, emulator.Config{Env: []string{"GODEBUG=inittrace=1"}, Stderr: &stderr})
	must(b, process.Close())
	total := 0.0
	for _, match := range regexp.MustCompile(`(?m)^init \S+ @\S+ ms, (\S+) ms clock`).FindAllSubmatch(stderr.Bytes(), -1) {
		ms, err := strconv.ParseFloat(string(match[1]), 64)
		must(b, err)
		total += ms
	}
	if total == 0 {
		b.Fatalf("%s: no trace of its initialisation: %s", f.name, stderr.Bytes())
	}
	f.packages.add(time.Duration(total * float64(time.Millisecond)))
}

func (f *function) report(b *testing.B) {
	b.ReportMetric(f.packages.median(), "packages-ns")
	b.ReportMetric(f.init.median(), "init-ns")
	b.ReportMetric(f.cold.median(), "cold-ns")
	f.warm.report(b, "warm-", 50, 99)
	b.ReportMetric(f.peak.median(), "peak-bytes")
}
