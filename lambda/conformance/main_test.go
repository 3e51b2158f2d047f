package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write docs/events.md and the table in README.md")

// The functions under test, built once: the real one, and the one in testdata.
var realFunction, probeFunction string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		panic(err)
	}
	realFunction, probeFunction = filepath.Join(dir, "bootstrap"), filepath.Join(dir, "function")
	for path, pkg := range map[string]string{realFunction: "../function/testdata/function", probeFunction: "./testdata/function"} {
		build := exec.Command("go", "build", "-tags", "lambda.norpc,grpcnotrace", "-o", path, pkg)
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("building %s: %v\n%s", pkg, err, out))
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}
