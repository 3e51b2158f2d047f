package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, content string) *results {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bench.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := readResults([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMediansAndRatiosPairRounds(t *testing.T) {
	r := read(t, `
cpu: a CPU
BenchmarkOpen/transport=unix-2 10 1000 ns/op
BenchmarkOpen/transport=inproc-2 10 100 ns/op
BenchmarkOpen/transport=unix-2 10 4000 ns/op
BenchmarkOpen/transport=inproc-2 10 800 ns/op
BenchmarkOpen/transport=unix-2 10 2000 ns/op
BenchmarkOpen/transport=inproc-2 10 600 ns/op
BenchmarkOpen/transport=unix 10 7000 ns/op 5 first-ns
zip: 4000000
`)
	for name, test := range map[string]struct{ got, want float64 }{
		"median on all CPUs":                  {r.median("Open/transport=unix", "sec/op"), 2e-6},
		"median on one CPU":                   {r.medianAt("Open/transport=unix", "sec/op", 1), 7e-6},
		"another unit":                        {r.medianAt("Open/transport=unix", "first-sec", 1), 5e-9},
		"ratio within rounds, not of medians": {r.ratio("Open/transport=inproc", "Open/transport=unix", "sec/op"), 0.2},
	} {
		if math.Abs(test.got-test.want) > 1e-12 {
			t.Errorf("%s: %g, want %g", name, test.got, test.want)
		}
	}
	if v := r.median("Open/transport=tcp", "sec/op"); !math.IsNaN(v) {
		t.Errorf("what was not measured is %g", v)
	}
	if r.config["zip"] != "4000000" || r.config["cpu"] != "a CPU" {
		t.Errorf("configuration %v", r.config)
	}
}

func TestBudgetsSayWhatIsMetMissedAndUnknown(t *testing.T) {
	table := budgetTable(read(t, `
BenchmarkBootstrap/transport=hello-2 1 100 ns/op 1000 cold-ns
BenchmarkBootstrap/transport=inproc-2 1 100 ns/op 1400 cold-ns
BenchmarkBootstrap/transport=bufconn-2 1 100 ns/op 3000 cold-ns
BenchmarkInvocation/transport=inproc-2 1 0 ns/op 60000 busy-cpu-ns 0.60 vs-hello-busy 0.90 vs-hello-1p-busy
BenchmarkInvocation/transport=unix-2 1 0 ns/op 100000 busy-cpu-ns 1.80 vs-hello-busy 1.50 vs-hello-1p-busy
BenchmarkRequest/transport=inproc/interceptors=service/payload=0/mode=serial-2 1 34 ns/op
BenchmarkRequest/transport=inproc/interceptors=none/payload=0/mode=serial-2 1 20 ns/op
BenchmarkStream/transport=inproc-2 1 1 ns/op 40 msg/s
BenchmarkStream/transport=bufconn-2 1 1 ns/op 10 msg/s
BenchmarkEvent/source=alb/adapter=event-2 1 10 ns/op
BenchmarkEvent/source=alb/adapter=httpadapter-2 1 20 ns/op
`))
	for _, want := range []string{
		"| exec to first answer over inproc ÷ hello world | ≤ 1.4 | 1.40 | met |",
		"| exec to first answer over bufconn ÷ hello world | ≤ 1.5 | 3.00 | missed by 2.00 times |",
		"| CPU of an invocation back to back, inproc ÷ hello world | ≤ 0.6 | 0.60 | met |",
		"| CPU of an invocation back to back, unix ÷ hello world | ≤ 0.9 | 1.80 | missed by 2.00 times |",
		"| CPU of an invocation back to back, unix ÷ hello world with GOMAXPROCS=1 | ≤ 1.5 | 1.50 | met |",
		"| request through service with logging and recovery ÷ without, over inproc | ≤ 1.7 | 1.70 | met |",
		"| server stream over inproc ÷ bufconn, messages a second | ≥ 5 | 4.00 | missed by 1.25 times |",
		"| event in, answer out ÷ httpadapter, the slowest source | ≤ 0.5 | – | not measured |",
		"| deployment package, arm64, MB | ≤ 5 | – | not measured |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no line %q in\n%s", want, table)
		}
	}
}

func TestInvocationsAreShownBesideHello(t *testing.T) {
	table := invocationTable(read(t, `
BenchmarkInvocation/transport=hello-1p-2 1 0 ns/op 150000 busy-cpu-ns 0.75 vs-hello-busy 1 vs-hello-1p-busy
BenchmarkInvocation/transport=inproc-2 1 0 ns/op 120000 busy-cpu-ns 0.60 vs-hello-busy 0.80 vs-hello-1p-busy
`))
	for _, want := range []string{
		"| hello world, GOMAXPROCS=1 | 150 µs | 0.75 | 1.00 |",
		"| inproc | 120 µs | 0.60 | 0.80 |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestNumbersKeepThreeDigits(t *testing.T) {
	for got, want := range map[string]string{
		duration(9.996e-6): "10.0 µs", duration(999e-9): "999 ns", duration(0.0123456): "12.3 ms", duration(2): "2.00 s",
		duration(math.NaN()): "–", ratio(0.0061): "0.006", ratio(0.99): "0.99", ratio(123.4): "123",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestChartsAreWellFormedAndFollowTheReadersColours(t *testing.T) {
	r := read(t, `
BenchmarkRequest/transport=unix/interceptors=none/payload=0/mode=spaced-2 9 100000 ns/op 40000 p05-ns 50000 p25-ns 60000 p50-ns 70000 p75-ns 90000 p95-ns
BenchmarkBootstrap/transport=unix-2 9 100000 ns/op 1000000 packages-ns 3000000 init-ns 4000000 cold-ns
`)
	for name, chart := range map[string]struct {
		draw func(*results) ([]byte, error)
		want []string
	}{
		"latency":    {latencyChart, []string{">unix<", ">60.0<", "µs", ">50<"}},
		"cold start": {coldStartChart, []string{">unix<", ">4.00<", "time in ms", ">package initialisation<"}},
	} {
		svg, err := chart.draw(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, want := range append(chart.want, "prefers-color-scheme: dark", "stroke:#000000") {
			if !bytes.Contains(svg, []byte(want)) {
				t.Errorf("%s: no %q in\n%s", name, want, svg)
			}
		}
		decoder := xml.NewDecoder(bytes.NewReader(svg))
		for err == nil {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := latencyChart(read(t, "BenchmarkOpen/transport=unix 1 1 ns/op\n")); err == nil {
		t.Error("a chart of nothing: no error")
	}
}

func TestSlowerThan(t *testing.T) {
	table, err := os.ReadFile("testdata/benchstat.csv")
	if err != nil {
		t.Fatal(err)
	}
	slower, compared, err := slowerThan(string(table), 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(slower) != 1 || !strings.HasPrefix(slower[0], "Unary/transport=inproc/payload=0-2 +25.") || compared != 3 {
		t.Errorf("%d slower of %d: %q", len(slower), compared, slower)
	}
	if slower, _, _ := slowerThan(string(table), 50); len(slower) != 0 {
		t.Errorf("by more than 50%%: %q", slower)
	}
}
