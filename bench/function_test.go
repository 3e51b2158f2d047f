package bench_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// A function is a function binary with its settings and one event for it.
type function struct {
	name     string
	path     string
	env      []string
	own      bool   // whether it is the function of this repository
	event    string // rest or rpc, a file in testdata
	streamed bool

	payload []byte
}

// buildFunctions builds the function of this repository and the programs to compare
// it with, all with the flags of `make build-lambda-zip`. It returns each with one
// event.
func buildFunctions(b *testing.B) []function {
	dir, err := filepath.Abs("../dist/bench/bin") // kept, since go build does not rebuild current files
	must(b, err)
	must(b, os.MkdirAll(dir, 0o755))
	cmd := exec.Command("sh", "-c", lambdaBuild(b)+" -o dist/bench/bin ./lambda ./bench/programs/...")
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, output)
	}
	functions := []function{
		{name: "hello", path: dir + "/hello", event: "rest"},
		{name: "hello-1p", path: dir + "/hello", event: "rest", env: []string{"GOMAXPROCS=1"}},
		{name: "plain", path: dir + "/plain", event: "rest"},
		{name: "register-server", path: dir + "/register-server", event: "rest"},
		{name: "original", path: dir + "/original", event: "rest"},
		{name: "connect", path: dir + "/connect", event: "rpc"},
	}
	for _, name := range []string{"inproc", "bufconn", "unix"} {
		functions = append(functions, function{
			name: name, path: dir + "/lambda", own: true, event: "rest", env: []string{"TRANSPORT=" + name},
		})
	}
	return functions
}

// variants returns f with each event and each kind of response.
func (f function) variants() []function {
	all := []function{f}
	if f.own {
		f.event = "rpc"
		all = append(all, f)
		f.streamed = true
		all = append(all, f)
		f.event = "rest"
		all = append(all, f)
	}
	return all
}

// lambdaBuild returns the Makefile's command to build the function.
func lambdaBuild(b *testing.B) string {
	makefile, err := os.ReadFile("../Makefile")
	must(b, err)
	match := regexp.MustCompile(`(?m)^LAMBDA_BUILD := (go build .*)$`).FindSubmatch(makefile)
	if match == nil {
		b.Fatal("the Makefile does not say how LAMBDA_BUILD builds the function")
	}
	return string(match[1])
}

// start starts the function with a memory size in MB, which the emulator does not
// enforce.
func (f *function) start(b *testing.B, memory int) *emulator.Function {
	var err error
	f.payload, err = os.ReadFile("testdata/" + f.event + ".json")
	must(b, err)
	env := f.env
	if f.streamed {
		env = append(slices.Clip(env), "RESPONSE_MODE=stream")
	}
	process, err := emulator.Start(b.Context(), emulator.Config{Path: f.path, Env: env, MemoryMB: memory})
	must(b, err)
	return process
}

// invoke invokes the function and checks its response.
func (f *function) invoke(b *testing.B, process *emulator.Function) {
	var got struct {
		StatusCode int
		Body       string
	}
	if f.streamed {
		stream, err := process.Stream(b.Context(), emulator.Request{Payload: f.payload})
		must(b, err)
		must(b, json.Unmarshal(stream.Prelude, &got))
		body, err := io.ReadAll(stream.Body)
		must(b, errors.Join(err, stream.Body.Close()))
		got.Body = string(body)
	} else {
		response, err := process.Invoke(b.Context(), f.payload)
		must(b, err)
		must(b, json.Unmarshal(response.Payload, &got))
	}
	if got.StatusCode != http.StatusOK || got.Body != `{"message":"Pong"}` {
		b.Fatalf("%s answered %d %q", f.name, got.StatusCode, got.Body)
	}
}
