package function

import (
	"runtime"
	"runtime/debug"
	"strconv"
)

// fullCore is the memory in MB at which a function has one whole core (Lambda
// developer guide, "Configure Lambda function memory").
const fullCore = 1769

// limits are limits of Go's runtime. A zero field leaves its limit unchanged.
type limits struct {
	memory     int64 // bytes
	garbage    int   // percent of the live heap, as in debug.SetGCPercent
	processors int
}

// limitsFor chooses the limits by the memory of the function, unless GOMEMLIMIT,
// GOGC or GOMAXPROCS sets them.
//
// The memory limit is three quarters of the function's memory. The rest is for
// memory that Go does not count: the program's text, the kernel and extensions.
// Under that limit the heap may grow by 200 % between collections, twice Go's
// default, since the function's memory is paid for and CPU time is scarce.
//
// A function with less than one core gets one processor, though it sees two. A
// second thread would get no more CPU time and cost wake-ups. With several workers
// in one process (AWS_LAMBDA_MAX_CONCURRENCY), Go's default stays.
func limitsFor(getenv func(string) string) limits {
	var l limits
	megabytes, err := strconv.ParseInt(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 32)
	if err != nil || megabytes <= 0 {
		return l
	}
	if getenv("GOMEMLIMIT") == "" {
		l.memory = megabytes << 20 / 4 * 3
		if getenv("GOGC") == "" {
			l.garbage = 200
		}
	}
	workers, _ := strconv.Atoi(getenv("AWS_LAMBDA_MAX_CONCURRENCY"))
	if getenv("GOMAXPROCS") == "" && megabytes < fullCore && workers <= 1 {
		l.processors = 1
	}
	return l
}

// apply sets the limits. It sets the number of processors first: setting the
// memory limit stops the world, and restarting it starts a thread for each idle
// processor.
func (l limits) apply() {
	if l.processors > 0 {
		runtime.GOMAXPROCS(l.processors)
	}
	if l.memory > 0 {
		debug.SetMemoryLimit(l.memory)
	}
	if l.garbage > 0 {
		debug.SetGCPercent(l.garbage)
	}
}
