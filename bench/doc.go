// Package bench measures what a request and a cold start cost, with each
// transport and with what could be used instead. It has nothing but benchmarks,
// each of which checks the answers that it times:
//
//	go test -run '^$' -bench . ./bench
//
// These lines matter most. Each function is a real binary, built as for Lambda
// and run by the emulator:
//
//   - Invocation, busy-cpu-ns: the CPU time of an invocation, which is what a
//     small function is billed for, and the least noisy figure;
//   - ColdStart, cold-ns and cpu-ns: from exec to the first answer;
//   - Memory, billed-ms: a request at a memory size, with Lambda's CPU limit. It
//     needs a cgroup that can be written, and is skipped without one.
//
// The functions are inproc, bufconn and unix, which is the function of this
// repository over these transports; hello, hello-1p (hello with GOMAXPROCS=1),
// plain, register-server, connect and original, which are in programs.
//
// The others run in one process: Request is the latency of each transport, Open
// its part of a cold start, Unary a call without HTTP, Interceptors what package
// service adds, Event an event against api-proxy's httpadapter, and Growth how
// the cost of a request grows. cpu-ns is the CPU time of all threads for one
// operation; where a machine is busy, it says more than ns/op.
//
// Names have the form key=value, so that benchstat can set them side by side,
// as with -col /function or -col /transport. Package report, a module of its
// own, makes RESULTS.md of the output of `make bench`, and compare.sh compares
// two commits.
package bench
