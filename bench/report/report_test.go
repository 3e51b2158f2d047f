package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// output is the output of two runs with two rounds. The machine was slower in the
// second round of each, and inproc was slower in the second run.
const output = `
zip: 4000000
goos: linux
pkg: example
run: 1
round: 1
BenchmarkInvocation/function=hello/event=rest/answer=buffered-2 1 200000 busy-cpu-ns 400000 spaced-cpu-ns
BenchmarkInvocation/function=inproc/event=rest/answer=buffered-2 1 100000 busy-cpu-ns 300000 spaced-cpu-ns
BenchmarkColdStart/function=inproc-2 1 3000000 init-ns 4000000 cold-ns
BenchmarkMemory/function=inproc/mb=128-2 1 2.000 billed-ms
BenchmarkGrowth/of=headers/n=1/transport=inproc-2 1 1 ns/op 50 cpu-ns
BenchmarkGrowth/of=headers/n=10/transport=inproc-2 1 1 ns/op 100 cpu-ns
BenchmarkGrowth/of=headers/n=100/transport=inproc-2 1 1 ns/op 10000 cpu-ns
run: 1
round: 2
BenchmarkInvocation/function=hello/event=rest/answer=buffered-2 1 800000 busy-cpu-ns 800000 spaced-cpu-ns
BenchmarkInvocation/function=inproc/event=rest/answer=buffered-2 1 480000 busy-cpu-ns 600000 spaced-cpu-ns
run: 2
round: 1
BenchmarkInvocation/function=hello/event=rest/answer=buffered-2 1 200000 busy-cpu-ns 400000 spaced-cpu-ns
BenchmarkInvocation/function=inproc/event=rest/answer=buffered-2 1 140000 busy-cpu-ns 300000 spaced-cpu-ns
run: 2
round: 2
BenchmarkInvocation/function=hello/event=rest/answer=buffered-2 1 800000 busy-cpu-ns 800000 spaced-cpu-ns
BenchmarkInvocation/function=inproc/event=rest/answer=buffered-2 1 720000 busy-cpu-ns 600000 spaced-cpu-ns
`

func read(t *testing.T) *results {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bench.txt")
	if err := os.WriteFile(path, []byte(output), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := readResults(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Prices = awsPrices()
	return r
}

func TestRatiosPairRounds(t *testing.T) {
	r := read(t)
	const unit = "busy-cpu-sec"
	for name, test := range map[string]struct{ got, want float64 }{
		"of all rounds":        {r.ratio(invocation("inproc"), invocation("hello"), unit), 0.65}, // of 0.5, 0.6, 0.7, 0.9
		"of one run":           {r.only("2", "").ratio(invocation("inproc"), invocation("hello"), unit), 0.8},
		"of one round":         {r.only("1", "2").ratio(invocation("inproc"), invocation("hello"), unit), 0.6},
		"median of all rounds": {r.Median(invocation("inproc"), unit), 310e-6},
		"order of growth":      {r.Curves()[4].Over("inproc").Order, 2},
	} {
		if math.Abs(test.got-test.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", name, test.got, test.want)
		}
	}
	if v := r.Median(invocation("unix"), unit); !math.IsNaN(v) {
		t.Errorf("what was not measured is %g", v)
	}
}

func TestPageSaysWhatIsReachedAndWhereRunsDiffer(t *testing.T) {
	dir := t.TempDir()
	if err := read(t).write("", dir); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| CPU of an invocation, back to back, inproc ÷ hello world | ≤ 0.6 | 0.65 | 0.55 | 0.80 | missed |\n",
		"| CPU of an invocation, 2 ms apart, inproc ÷ hello world | ≤ 0.9 | 0.75 | 0.75 | 0.75 | reached |\n",
		"| unary call, inproc ÷ bufconn | ≤ 0.15 | – | – | – | not measured |\n",
		"| zip for arm64, MB | ≤ 5 | 4.00 | 4.00 | 4.00 | reached |\n",
		"- CPU of an invocation, back to back, inproc ÷ hello world: 0.55, its rounds 0.50 to 0.60; then 0.80, its rounds 0.70 to 0.90\n",
		"| inproc | 128 | – | – | – | 2.00 ms | – | 0.203 |\n",
		"An invocation takes 310 µs (inproc)",
	} {
		if !strings.Contains(string(content), want) {
			t.Errorf("no %q in\n%s", want, content)
		}
	}
	if strings.Contains(string(content), "2 ms apart, inproc ÷ hello world: ") {
		t.Error("a budget that both runs agree on is said to differ")
	}
}

func TestChartsFollowTheReadersColours(t *testing.T) {
	dir := t.TempDir()
	if err := read(t).write("", dir); err != nil {
		t.Fatal(err)
	}
	for name, labels := range map[string][]string{
		"billed.svg":    {">inproc<", "billed ms", "MB"},
		"cpu.svg":       {">inproc<", "CPU time of all threads in µs", ">2 ms apart<"},
		"coldstart.svg": {">inproc<", ">time in ms<", ">init<"},
		"growth.svg":    {">headers<", ">linear<", "times the CPU time"},
	} {
		svg, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(labels, "prefers-color-scheme: dark", "stroke:#000000") {
			if !strings.Contains(string(svg), want) {
				t.Errorf("%s: no %q", name, want)
			}
		}
		decoder := xml.NewDecoder(strings.NewReader(string(svg)))
		for err == nil {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPagesQuoteTheFiguresOfResults(t *testing.T) {
	block := func(path string) string {
		content, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		return string(figuresBlock().Find(content))
	}
	want := block("bench/RESULTS.md")
	if want == "" {
		t.Fatal("bench/RESULTS.md has no block of figures")
	}
	for _, page := range quoting() {
		if diff := cmp.Diff(want, block(page)); diff != "" {
			t.Errorf("%s: make bench writes these (-RESULTS.md +%s):\n%s", page, page, diff)
		}
	}
}

func TestQuoteReplacesTheBlockAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	const begin, end = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
	if err := os.WriteFile(path, []byte("a\n"+begin+"old\n"+end+"b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := quote(path, begin+"$1 new\n"+end); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a\n"+begin+"$1 new\n"+end+"b\n", string(content)); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := quote(path, begin+end); err == nil {
		t.Error("a page without a block: no error")
	}
}

func TestNumbersKeepThreeDigits(t *testing.T) {
	for got, want := range map[string]string{
		duration(9.996e-6): "10.0 µs", duration(0.0123456): "12.3 ms", duration(2): "2.00 s", digits(0.996): "1.00", digits(123.4): "123",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
