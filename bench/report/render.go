package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// render writes RESULTS.md, latency.svg and coldstart.svg to dir.
func render(dir string, files []string) error {
	r, err := readResults(files)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "RESULTS.md"), []byte(document(r))); err != nil {
		return err
	}
	for name, chart := range map[string]func(*results) ([]byte, error){"latency.svg": latencyChart, "coldstart.svg": coldStartChart} {
		svg, err := chart(r)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := writeFile(filepath.Join(dir, name), svg); err != nil {
			return err
		}
	}
	return nil
}

// document is RESULTS.md.
func document(r *results) string {
	var b strings.Builder
	paragraph := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	section := func(question, explanation, table string) {
		paragraph("## %s", question)
		paragraph("%s", explanation)
		paragraph("%s", strings.TrimSuffix(table, "\n"))
	}
	paragraph("# What each transport costs")
	paragraph("Made by `make bench`. Times are medians over the rounds of a run, ratios medians of the ratios within a round: machines differ and drift, ratios less so.")
	paragraph("%s", strings.TrimSuffix(machineTable(r), "\n"))
	paragraph("![Latency of a request over each transport](latency.svg)")
	paragraph("![Cold start of the function over each transport](coldstart.svg)")
	section("Are the budgets kept?",
		"Ratios within this run, on all CPUs of the machine. Requests are empty, one at a time, without interceptors. "+
			"What a cold start consists of, and so what stands in the way of a faster one, is in [docs/transports.md](../docs/transports.md#a-cold-start).", budgetTable(r))
	section("What does a request cost?",
		"One request at a time through the generated gateway, without interceptors on either side, so that nothing but the transport differs. "+
			"The payload is text in a JSON body, there and back; 0 is a ping. The floor calls the service as a Go function.",
		requestTable(r, "serial", withFloor()))
	section("What does it cost 2 ms after the one before?",
		"As on Lambda, where there is always a pause: the goroutines and threads that a request needs are asleep. An empty request.", spacedTable(r))
	section("And with payloads?", "Means of requests 2 ms apart.", requestTable(r, "spaced", withFloor()))
	section("What does it cost under load?",
		"Eight requests in flight for each CPU; the time is that of the run divided by the number of requests.", requestTable(r, "parallel", withFloor()))
	section("What do the interceptors cost?",
		"An empty request through package service: as the function has it, which logs each call and recovers panics, and with Prometheus metrics as well. "+
			"The floor still runs no interceptor.", interceptorTable(r))
	section("What does a request allocate?", "On both sides together, one at a time, without interceptors.", allocationTable(r))
	section("What is gained over grpc's own defaults?",
		"One request at a time. The untuned rows are grpc-go without any option, at the end of the table.",
		requestTable(r, "serial", withUntuned()))
	section("What does a call cost without a gateway?", "Generated client to server, and a server stream of 1000 messages.", unaryTable(r))
	section("What does opening cost?",
		"In a process that runs already: the transport alone, Open and the first call; and package service, New and the first request through the gateway.", openTable(r))
	section("What does a cold start cost?",
		"The function binary, built as it is deployed, in the emulator; hello world is the smallest function that answers an HTTP event. "+
			"init is from exec to the first call of next. Processes are started in turns.", bootstrapTable(r))
	section("What CPU time does an invocation take?",
		"Of all threads of the function's process, with 128 MB of memory in its environment. That is what Lambda bills: at 128 MB, 100 µs are 1.4 ms. "+
			"The function sets GOMAXPROCS=1 at that size; hello world is shown as it comes and with the same.", invocationTable(r))
	section("What does an event cost?",
		"A captured event in, answer out, in front of one handler that answers the body; httpadapter is aws-lambda-go-api-proxy's, with encoding/json.", eventTable(r))
	section("And on one CPU?", "With GOMAXPROCS=1, closer to a small function. An empty request.", oneCPUTable(r))
	return strings.TrimSuffix(b.String(), "\n")
}

// machineTable is where, when and of what the numbers are.
func machineTable(r *results) string {
	t := newTable("run", "")
	for _, row := range []struct{ label, key string }{
		{"date", "date"}, {"commit", "commit"}, {"CPU", "cpu"}, {"CPUs", "cpus"}, {"kernel", "kernel"}, {"architecture", "goarch"},
		{"Go", "go"}, {"modules", "modules"}, {"rounds", "rounds"}, {"duration", "duration"},
	} {
		if v := r.config[row.key]; v != "" {
			t.row(row.label, v)
		}
	}
	return strings.Replace(t.String(), "|---|---:|", "|---|---|", 1)
}
