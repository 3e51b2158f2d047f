package main

import (
	"math"
	"strconv"
)

// A budget is a number that the project means to reach.
type budget struct {
	what  string
	limit float64
	atMin bool // at least the limit, not at most
	value float64
}

// verdict leaves room for rounding: what is shown as the limit meets it.
func (b budget) verdict() string {
	switch {
	case math.IsNaN(b.value):
		return "not measured"
	case b.atMin && b.value >= b.limit, !b.atMin && b.value <= b.limit:
		return "met"
	case b.atMin:
		return "missed by " + ratio(b.limit/b.value) + " times"
	}
	return "missed by " + ratio(b.value/b.limit) + " times"
}

func budgets(r *results) []budget {
	const serial, hello, time = "serial", "Bootstrap/transport=hello", "sec/op"
	slowest := 0.0 // and NaN when one of them was not measured
	for _, source := range sources() {
		slowest = max(slowest, r.ratio(event(source, "event"), event(source, "httpadapter"), time))
	}
	zip, err := strconv.ParseFloat(r.config["zip"], 64)
	if err != nil {
		zip = math.NaN()
	}
	throughService := request("inproc", "service", "0", serial)
	request := func(transport string) string { return request(transport, "none", "0", serial) }
	boot := func(transport, unit string) float64 { return r.ratio("Bootstrap/transport="+transport, hello, unit) }
	cpu := func(transport, unit string) float64 { return r.median("Invocation/transport="+transport, unit) }
	return []budget{
		{what: "gateway request over inproc ÷ through RegisterXHandlerServer", limit: 1.3, value: r.ratio(request("inproc"), request("register-server"), time)},
		{what: "unary call over inproc ÷ bufconn", limit: 0.15, value: r.ratio("Unary/transport=inproc/payload=0", "Unary/transport=bufconn/payload=0", time)},
		{what: "unary call over inproc ÷ grpchan's inprocgrpc", limit: 0.8, value: r.ratio("Channel/transport=inproc", "Channel/transport=inprocgrpc", time)},
		{what: "1 MiB call over inproc ÷ bufconn", limit: 1, value: r.ratio("Unary/transport=inproc/payload=1MiB", "Unary/transport=bufconn/payload=1MiB", time)},
		{what: "server stream over inproc ÷ bufconn, messages a second", limit: 5, atMin: true, value: r.ratio("Stream/transport=inproc", "Stream/transport=bufconn", "msg/s")},
		{what: "gateway request over unix ÷ with grpc's default options", limit: 0.9, value: r.ratio(request("unix"), request("unix-default"), time)},
		{what: "gateway request over bufconn ÷ with grpc's default options", limit: 0.8, value: r.ratio(request("bufconn"), request("bufconn-default"), time)},
		{what: "opening inproc and first call ÷ unix", limit: 0.03, value: r.ratio("Open/transport=inproc", "Open/transport=unix", time)},
		{what: "exec to first answer over inproc ÷ hello world", limit: 1.4, value: boot("inproc", "cold-sec")},
		{what: "exec to first answer over bufconn ÷ hello world", limit: 1.5, value: boot("bufconn", "cold-sec")},
		{what: "invocation over inproc ÷ hello world", limit: 1.2, value: boot("inproc", "warm-p50-sec")},
		{what: "CPU of an invocation back to back, inproc ÷ hello world", limit: 0.6, value: cpu("inproc", "vs-hello-busy")},
		{what: "CPU of an invocation back to back, bufconn ÷ hello world", limit: 0.8, value: cpu("bufconn", "vs-hello-busy")},
		{what: "CPU of an invocation back to back, unix ÷ hello world", limit: 0.9, value: cpu("unix", "vs-hello-busy")},
		{what: "CPU of an invocation 2 ms after the one before, inproc ÷ hello world", limit: 0.9, value: cpu("inproc", "vs-hello-spaced")},
		{what: "CPU of an invocation 2 ms after the one before, unix ÷ hello world", limit: 1.2, value: cpu("unix", "vs-hello-spaced")},
		{what: "CPU of an invocation back to back, inproc ÷ hello world with GOMAXPROCS=1", limit: 1, value: cpu("inproc", "vs-hello-1p-busy")},
		{what: "CPU of an invocation back to back, unix ÷ hello world with GOMAXPROCS=1", limit: 1.5, value: cpu("unix", "vs-hello-1p-busy")},
		{what: "CPU from exec to first answer, inproc ÷ hello world", limit: 1.3, value: cpu("inproc", "vs-hello-first")},
		{what: "CPU from exec to first answer, unix ÷ hello world", limit: 1.8, value: cpu("unix", "vs-hello-first")},
		{what: "peak memory over inproc ÷ hello world", limit: 1.7, value: boot("inproc", "peak-bytes")},
		{what: "peak memory over bufconn ÷ hello world", limit: 1.7, value: boot("bufconn", "peak-bytes")},
		{what: "request through service with logging and recovery ÷ without, over inproc", limit: 1.7,
			value: r.ratio(throughService, request("inproc"), time)},
		{what: "event in, answer out ÷ httpadapter, the slowest source", limit: 0.5, value: slowest},
		{what: "deployment package, arm64, MB", limit: 5, value: zip / 1e6},
	}
}

func budgetTable(r *results) string {
	t := newTable("what", "budget", "measured", "verdict")
	for _, b := range budgets(r) {
		sign := "≤ "
		if b.atMin {
			sign = "≥ "
		}
		t.row(b.what, sign+strconv.FormatFloat(b.limit, 'g', -1, 64), ratio(b.value), b.verdict())
	}
	return t.String()
}
