package function

import (
	"runtime"
	"runtime/debug"
	"strconv"
)

// fullCore is the memory in MB at which a function has one whole core (Lambda
// developer guide, "Configure Lambda function memory").
const fullCore = 1769

// limits are those of Go's runtime; zero leaves one as it is.
type limits struct {
	memory     int64 // bytes
	processors int
}

// limitsFor chooses what GOMEMLIMIT and GOMAXPROCS do not, by the memory that
// the function has.
//
// The memory limit is three quarters of it. The rest is for what Go does not
// count: the program's own text, the kernel's part, extensions.
//
// Below one core there is one processor, though two are visible: a second
// thread gets no more time, and costs the waking. With several workers in one
// process (AWS_LAMBDA_MAX_CONCURRENCY) Go's own choice stays.
func limitsFor(getenv func(string) string) limits {
	var l limits
	megabytes, err := strconv.ParseInt(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 32)
	if err != nil || megabytes <= 0 {
		return l
	}
	if getenv("GOMEMLIMIT") == "" {
		l.memory = megabytes << 20 / 4 * 3
	}
	workers, _ := strconv.Atoi(getenv("AWS_LAMBDA_MAX_CONCURRENCY"))
	if getenv("GOMAXPROCS") == "" && megabytes < fullCore && workers <= 1 {
		l.processors = 1
	}
	return l
}

// apply sets the number of processors first. The memory limit stops the world,
// too, and what starts it again starts a thread for a processor without work.
func (l limits) apply() {
	if l.processors > 0 {
		runtime.GOMAXPROCS(l.processors)
	}
	if l.memory > 0 {
		debug.SetMemoryLimit(l.memory)
	}
}
