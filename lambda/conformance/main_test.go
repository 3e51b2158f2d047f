package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/conformance/testdata/probe"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
)

var update = flag.Bool("update", false, "write docs/events.md and the table in README.md")

// TestMain runs this test binary as a function if the emulator starts it: as the one
// of package probe if SERVE is set, and as one of lambda/function otherwise.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("SERVE") != "":
		fmt.Fprintln(os.Stderr, "function:", probe.Run(os.Getenv))
		os.Exit(1)
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		function.Main(testservice.Options()...)
	}
	goleak.VerifyTestMain(m)
}
