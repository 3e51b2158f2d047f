package main

import "strings"

// way is what a request can go through, in the order of the tables.
type way struct{ name, label string }

func ways() []way {
	return []way{{"inproc", "inproc"}, {"bufconn", "bufconn"}, {"unix", "unix"}, {"tcp", "tcp"}}
}

func withFloor() []way {
	return append([]way{{"register-server", "none: RegisterXHandlerServer"}}, ways()...)
}

func withUntuned() []way {
	return append(ways(), way{"bufconn-default", "bufconn, untuned"}, way{"unix-default", "unix, untuned"})
}

// request is the name of a benchmark of a gateway request.
func request(transport, interceptors, payload, mode string) string {
	return "Request/transport=" + transport + "/interceptors=" + interceptors + "/payload=" + payload + "/mode=" + mode
}

// requestTable is one mode over all payloads, each with its ratio to the floor
// and to unix, the default.
func requestTable(r *results, mode string, rows []way) string {
	header := []string{"transport"}
	payloads := []string{"0", "1KiB", "64KiB", "1MiB"}
	for _, p := range payloads {
		header = append(header, strings.Replace(p, "K", " K", 1), "÷ floor", "÷ unix")
	}
	header[10] = "1 MiB"
	t := newTable(header...)
	for _, w := range rows {
		cells := []string{w.label}
		for _, p := range payloads {
			name := request(w.name, "none", p, mode)
			cells = append(cells,
				duration(r.median(name, "sec/op")),
				ratio(r.ratio(name, request("register-server", "none", p, mode), "sec/op")),
				ratio(r.ratio(name, request("unix", "none", p, mode), "sec/op")))
		}
		t.row(cells...)
	}
	return t.String()
}

// allocationTable is what a request allocates, on both sides together.
func allocationTable(r *results) string {
	t := newTable("transport", "0: KiB", "allocations", "1 KiB: KiB", "allocations", "1 MiB: KiB", "allocations")
	for _, w := range withFloor() {
		cells := []string{w.label}
		for _, p := range []string{"0", "1KiB", "1MiB"} {
			name := request(w.name, "none", p, "serial")
			cells = append(cells, kibibytes(r.median(name, "B/op")), count(r.median(name, "allocs/op")))
		}
		t.row(cells...)
	}
	return t.String()
}

// interceptorTable is what package service adds.
func interceptorTable(r *results) string {
	t := newTable("transport", "no interceptors", "÷ floor", "service", "÷ floor", "÷ unix", "service and metrics", "÷ floor")
	floor := request("register-server", "none", "0", "serial")
	for _, w := range ways() {
		bare, full := request(w.name, "none", "0", "serial"), request(w.name, "service", "0", "serial")
		metrics := request(w.name, "service+metrics", "0", "serial")
		t.row(w.label,
			duration(r.median(bare, "sec/op")), ratio(r.ratio(bare, floor, "sec/op")),
			duration(r.median(full, "sec/op")), ratio(r.ratio(full, floor, "sec/op")),
			ratio(r.ratio(full, request("unix", "service", "0", "serial"), "sec/op")),
			duration(r.median(metrics, "sec/op")), ratio(r.ratio(metrics, floor, "sec/op")))
	}
	return t.String()
}

// spacedTable is the distribution of requests 2 ms apart.
func spacedTable(r *results) string {
	t := newTable("transport", "median", "÷ floor", "÷ unix", "p75", "p95", "p99")
	floor, unix := request("register-server", "none", "0", "spaced"), request("unix", "none", "0", "spaced")
	for _, w := range withFloor() {
		name := request(w.name, "none", "0", "spaced")
		t.row(w.label, duration(r.median(name, "p50-sec")),
			ratio(r.ratio(name, floor, "p50-sec")), ratio(r.ratio(name, unix, "p50-sec")),
			duration(r.median(name, "p75-sec")), duration(r.median(name, "p95-sec")), duration(r.median(name, "p99-sec")))
	}
	return t.String()
}

// unaryTable is a call over the Conn, relative to bufconn.
func unaryTable(r *results) string {
	t := newTable("transport", "0", "÷ bufconn", "1 KiB", "÷ bufconn", "64 KiB", "÷ bufconn", "1 MiB", "÷ bufconn", "stream: messages/s", "÷ bufconn")
	for _, w := range withUntuned() {
		cells := []string{w.label}
		for _, p := range []string{"0", "1KiB", "64KiB", "1MiB"} {
			name := "Unary/transport=" + w.name + "/payload=" + p
			cells = append(cells, duration(r.median(name, "sec/op")), ratio(r.ratio(name, "Unary/transport=bufconn/payload="+p, "sec/op")))
		}
		stream := "Stream/transport=" + w.name
		t.row(append(cells, perSecond(r.median(stream, "msg/s")), ratio(r.ratio(stream, "Stream/transport=bufconn", "msg/s")))...)
	}
	return t.String()
}

// openTable is from nothing to the first answer in a process that runs already.
func openTable(r *results) string {
	t := newTable("transport", "Open", "first call", "together", "÷ unix", "service.New", "first request", "together", "÷ unix")
	for _, w := range ways() {
		open, cold := "Open/transport="+w.name, "ColdStart/transport="+w.name
		t.row(w.label,
			duration(r.median(open, "open-sec")), duration(r.median(open, "first-sec")), duration(r.median(open, "sec/op")),
			ratio(r.ratio(open, "Open/transport=unix", "sec/op")),
			duration(r.median(cold, "open-sec")), duration(r.median(cold, "first-sec")), duration(r.median(cold, "sec/op")),
			ratio(r.ratio(cold, "ColdStart/transport=unix", "sec/op")))
	}
	return t.String()
}

// bootstrapTable is the function binary under the emulator.
func bootstrapTable(r *results) string {
	t := newTable("function", "init", "first answer", "÷ hello", "÷ unix", "then p50", "÷ hello", "p99", "peak memory", "÷ hello")
	const hello = "Bootstrap/transport=hello"
	for _, w := range append([]way{{"hello", "hello world"}}, ways()...) {
		name := "Bootstrap/transport=" + w.name
		t.row(w.label, duration(r.median(name, "init-sec")),
			duration(r.median(name, "cold-sec")), ratio(r.ratio(name, hello, "cold-sec")), ratio(r.ratio(name, "Bootstrap/transport=unix", "cold-sec")),
			duration(r.median(name, "warm-p50-sec")), ratio(r.ratio(name, hello, "warm-p50-sec")), duration(r.median(name, "warm-p99-sec")),
			megabytes(r.median(name, "peak-bytes")), ratio(r.ratio(name, hello, "peak-bytes")))
	}
	return t.String()
}

// invocationTable is the CPU time of the function binary.
func invocationTable(r *results) string {
	t := newTable("function", "back to back", "÷ hello", "÷ hello, 1 P", "2 ms apart", "÷ hello", "÷ hello, 1 P", "to the first answer", "÷ hello", "÷ hello, 1 P")
	for _, w := range append([]way{{"hello", "hello world"}, {"hello-1p", "hello world, GOMAXPROCS=1"}}, ways()...) {
		name := "Invocation/transport=" + w.name
		cells := []string{w.label}
		for _, kind := range []string{"busy", "spaced", "first"} {
			cells = append(cells, duration(r.median(name, kind+"-cpu-sec")),
				ratio(r.median(name, "vs-hello-"+kind)), ratio(r.median(name, "vs-hello-1p-"+kind)))
		}
		t.row(cells...)
	}
	return t.String()
}

func sources() []string {
	return []string{"rest-api", "http-api", "http-api-v1", "function-url", "alb", "alb-multi"}
}

func event(source, adapter string) string { return "Event/source=" + source + "/adapter=" + adapter }

func eventTable(r *results) string {
	t := newTable("source", "lambda/event", "allocations", "httpadapter", "allocations", "ratio")
	for _, source := range sources() {
		ours, theirs := event(source, "event"), event(source, "httpadapter")
		t.row(source,
			duration(r.median(ours, "sec/op")), count(r.median(ours, "allocs/op")),
			duration(r.median(theirs, "sec/op")), count(r.median(theirs, "allocs/op")),
			ratio(r.ratio(ours, theirs, "sec/op")))
	}
	return t.String()
}

// oneCPUTable is the empty payload with GOMAXPROCS=1.
func oneCPUTable(r *results) string {
	t := newTable("transport", "request", "÷ floor", "÷ unix", "2 ms apart", "÷ floor", "÷ unix", "call over the Conn", "÷ bufconn", "stream: messages/s", "÷ bufconn")
	for _, w := range append(withFloor(), withUntuned()[4:]...) {
		serial, spaced := request(w.name, "none", "0", "serial"), request(w.name, "none", "0", "spaced")
		call, stream := "Unary/transport="+w.name+"/payload=0", "Stream/transport="+w.name
		t.row(w.label,
			duration(r.medianAt(serial, "sec/op", 1)),
			ratio(r.ratioAt(serial, request("register-server", "none", "0", "serial"), "sec/op", 1)),
			ratio(r.ratioAt(serial, request("unix", "none", "0", "serial"), "sec/op", 1)),
			duration(r.medianAt(spaced, "p50-sec", 1)),
			ratio(r.ratioAt(spaced, request("register-server", "none", "0", "spaced"), "p50-sec", 1)),
			ratio(r.ratioAt(spaced, request("unix", "none", "0", "spaced"), "p50-sec", 1)),
			duration(r.medianAt(call, "sec/op", 1)), ratio(r.ratioAt(call, "Unary/transport=bufconn/payload=0", "sec/op", 1)),
			perSecond(r.medianAt(stream, "msg/s", 1)), ratio(r.ratioAt(stream, "Stream/transport=bufconn", "msg/s", 1)))
	}
	return t.String()
}
