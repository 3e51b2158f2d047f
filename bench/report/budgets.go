package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// agreement is the ratio by which two runs may differ.
const agreement = 0.1

// A budget is an upper limit that the project aims to meet.
type budget struct {
	What  string
	Limit float64
	value func(*results) float64
}

func budgets() []budget {
	ratio := func(name, base, unit string) func(*results) float64 {
		return func(r *results) float64 { return r.ratio(name, base, unit) }
	}
	inproc, bufconn, unix := invocation("inproc"), invocation("bufconn"), invocation("unix")
	hello, hello1 := invocation("hello"), invocation("hello-1p")
	cold := func(function, unit string) func(*results) float64 {
		return ratio(coldStart(function), coldStart("hello"), unit)
	}
	const busy, spaced, call = "busy-cpu-sec", "spaced-cpu-sec", "cpu-sec"
	return []budget{
		{"CPU of an invocation, back to back, inproc ÷ hello world", 0.6, ratio(inproc, hello, busy)},
		{"CPU of an invocation, back to back, bufconn ÷ hello world", 0.8, ratio(bufconn, hello, busy)},
		{"CPU of an invocation, back to back, unix ÷ hello world", 0.9, ratio(unix, hello, busy)},
		{"CPU of an invocation, 2 ms apart, inproc ÷ hello world", 0.9, ratio(inproc, hello, spaced)},
		{"CPU of an invocation, 2 ms apart, unix ÷ hello world", 1.2, ratio(unix, hello, spaced)},
		{"CPU of an invocation, back to back, inproc ÷ hello world with GOMAXPROCS=1", 1, ratio(inproc, hello1, busy)},
		{"CPU of an invocation, back to back, unix ÷ hello world with GOMAXPROCS=1", 1.5, ratio(unix, hello1, busy)},
		{"CPU to the first response, inproc ÷ hello world", 1.3, cold("inproc", call)},
		{"CPU to the first response, unix ÷ hello world", 1.8, cold("unix", call)},
		{"exec to the first response, inproc ÷ hello world", 1.4, cold("inproc", "cold-sec")},
		{"billed milliseconds per request at 128 MB, inproc ÷ hello world", 1, ratio(memory("inproc", 128), memory("hello", 128), "billed-ms")},
		{"peak memory, inproc ÷ hello world", 1.7, cold("inproc", "peak-bytes")},
		{"unary call, inproc ÷ bufconn", 0.15, ratio("Unary/transport=inproc", "Unary/transport=bufconn", call)},
		{"unary call, inproc ÷ grpchan's in-process channel", 0.8, ratio("Channel/transport=inproc", "Channel/transport=inprocgrpc", "sec/op")},
		{"request through service, with logging and recovery ÷ without interceptors, inproc", 1.7,
			ratio("Interceptors/interceptors=service", "Interceptors/interceptors=none", call)},
		{"event to response ÷ httpadapter and encoding/json, slowest source", 0.5, slowestEvent},
		{"zip for arm64, MB", 5, zipMegabytes},
	}
}

func invocation(function string) string {
	return "Invocation/function=" + function + "/event=" + eventOf(function) + "/answer=buffered"
}

// eventOf returns the event that a function is compared with. connect does not serve
// REST.
func eventOf(function string) string {
	if function == "connect" {
		return "rpc"
	}
	return "rest"
}

func coldStart(function string) string { return "ColdStart/function=" + function }

func memory(function string, mb int) string {
	return fmt.Sprintf("Memory/function=%s/mb=%d", function, mb)
}

// slowestEvent returns NaN if a source was not measured.
func slowestEvent(r *results) float64 {
	slowest := 0.0
	for _, source := range []string{"rest-api", "http-api-v1", "http-api", "function-url", "alb", "alb-multi"} {
		name := "Event/source=" + source + "/adapter="
		slowest = max(slowest, r.ratio(name+"event", name+"httpadapter", "cpu-sec"))
	}
	return slowest
}

func zipMegabytes(r *results) float64 {
	bytes, err := strconv.ParseFloat(r.Config["zip"], 64)
	if err != nil {
		return math.NaN()
	}
	return bytes / 1e6
}

// A measuredBudget is a budget with its value over all rounds and in each of the two
// runs.
type measuredBudget struct {
	budget
	All, First, Second float64
	results            *results
}

// Budgets returns all budgets, for the page.
func (r *results) Budgets() []measuredBudget {
	var all []measuredBudget
	for _, b := range budgets() {
		all = append(all, measuredBudget{b, b.value(r), b.value(r.only("1", "")), b.value(r.only("2", "")), r})
	}
	return all
}

// Disagreeing returns the budgets on which the two runs do not agree.
func (r *results) Disagreeing() []measuredBudget {
	return slices.DeleteFunc(r.Budgets(), func(b measuredBudget) bool {
		return !(max(b.First, b.Second)/min(b.First, b.Second) > 1+agreement)
	})
}

func (b measuredBudget) Verdict() string {
	switch {
	case math.IsNaN(b.All):
		return "not measured"
	case math.Round(b.All*100)/100 <= b.Limit: // rounded as the page shows it
		return "reached"
	}
	return "missed"
}

// Spread returns the range of the values of a run's rounds.
func (b measuredBudget) Spread(run string) string {
	var values []float64
	for round := range 100 {
		if v := b.value(b.results.only(run, strconv.Itoa(round+1))); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return "unknown"
	}
	return digits(slices.Min(values)) + " to " + digits(slices.Max(values))
}
