// Package bench measures the cost of requests and cold starts with each transport
// and with alternatives. It has only benchmarks, and each of them checks the
// responses that it times:
//
//	go test -run '^$' -bench . ./bench
//
// The most important benchmarks run functions in the emulator. Each function is a
// real binary, built as for Lambda:
//
//   - Invocation, busy-cpu-ns: the CPU time of an invocation. Lambda bills small
//     functions for it, and it is the least noisy figure.
//   - ColdStart, cold-ns and cpu-ns: the time from exec to the first response.
//   - Memory, billed-ms: a request at a memory size, with Lambda's CPU limit. It
//     needs a writable cgroup, and is skipped without one.
//
// The functions inproc, bufconn and unix are the function of this repository with
// these transports. The functions hello, hello-1p (hello with GOMAXPROCS=1), plain,
// register-server, connect and original are in the directory programs.
//
// The other benchmarks run in one process. Request measures the latency of each
// transport, Open its part of a cold start, Unary a call without HTTP, Interceptors
// the cost of package service, Event an event compared with api-proxy's
// httpadapter, and Growth how the cost of a request grows. cpu-ns is the CPU time
// of all threads for one operation. On a busy machine, it is more reliable than
// ns/op.
//
// Names have the form key=value, so that benchstat can compare them with -col
// /function or -col /transport. The command report, a separate module, writes
// RESULTS.md from the output of `make bench`. compare.sh compares two commits.
package bench
