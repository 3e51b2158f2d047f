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

// The functions under test are this binary itself, which the emulator starts:
// one that lambda/function makes, and, with SERVE, that of package probe.
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
