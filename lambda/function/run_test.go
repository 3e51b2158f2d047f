package function_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// runAsFunction makes this test binary the function of options.
const runAsFunction = "FUNCTION_TEST"

// speaking is a PingService that responds with the value of a user's variable and
// the limits of Go's runtime.
type speaking struct {
	testservice.PingService
	word  string
	after string // a file that an after-function waits for
}

func (s *speaking) Ping(ctx context.Context, _ *testv1.PingRequest) (*testv1.PingResponse, error) {
	if s.word == "fails" {
		return nil, errors.New("told to fail")
	}
	if s.after != "" {
		event.After(ctx, func(ctx context.Context) {
			_, err := os.Stat(s.after)
			for err != nil && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
				_, err = os.Stat(s.after)
			}
			fmt.Println("after the answer:", err == nil)
		})
	}
	return &testv1.PingResponse{Message: fmt.Sprintf("%s processors=%d memory=%d garbage=%d", s.word, runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1), gcPercent())}, nil
}

// gcPercent returns what debug.SetGCPercent has set.
func gcPercent() uint64 {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64()
}

// options has a user's service and variables.
func options() []service.Option {
	s := &speaking{}
	return []service.Option{
		service.WithVariables(service.Variable{
			Name: "WORD", Default: "Pong", Meaning: "what a ping is answered with",
			Set: func(v string) error {
				if s.word = v; strings.Contains(v, " ") {
					return errors.New("want one word")
				}
				return nil
			},
		}),
		service.WithVariables(service.Variable{
			Name: "AFTER", Meaning: "a file that the function waits for after each answer",
			Set: func(v string) error { s.after = v; return nil },
		}),
		service.WithInstrumentation(func(host service.Host) (service.Instrumentation, error) {
			if !host.FlushesAfterResponse {
				return service.Instrumentation{}, errors.New("the function does not say that it flushes")
			}
			return service.Instrumentation{}, nil
		}),
		service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient, s),
	}
}

// startOwn starts the function of options.
func startOwn(t *testing.T, config emulator.Config) (*emulator.Function, *testlog.Buffer, error) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := &testlog.Buffer{}
	config.Path, config.Stdout, config.Stderr = path, out, out
	config.Env = append([]string{runAsFunction + "=1", "GORACE=atexit_sleep_ms=0"}, config.Env...)
	fn, err := emulator.Start(context.Background(), config)
	if err == nil {
		t.Cleanup(func() {
			if err := fn.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return fn, out, err
}

func pingOwn(t *testing.T, config emulator.Config) string {
	t.Helper()
	fn, out, err := startOwn(t, config)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, body := do(t, "GET", serve(t, fn, frontdoor.HTTPAPI)+"/v1/ping", "")
	if code != 200 {
		t.Errorf("%d %s", code, body)
	}
	return body
}

// An after-function of an RPC handler does not delay the response, on any
// transport. It waits for a file that the test makes after the response.
func TestAfter_InAnRPC(t *testing.T) {
	for _, name := range []string{"unix", "bufconn", "inproc", "tcp"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answered := filepath.Join(t.TempDir(), "answered")
			fn, out, err := startOwn(t, emulator.Config{Env: []string{"TRANSPORT=" + name, "AFTER=" + answered}})
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			url := serve(t, fn, frontdoor.HTTPAPI) + "/v1/ping"
			if code, body := do(t, "GET", url, ""); code != 200 {
				t.Fatalf("%d %s", code, body)
			}
			if err := os.WriteFile(answered, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if code, body := do(t, "GET", url, ""); code != 200 {
				t.Fatalf("%d %s", code, body)
			}
			if err := fn.Close(); err != nil { // when it returns, all output has arrived
				t.Error(err)
			}
			if !strings.Contains(out.String(), "after the answer: true") {
				t.Errorf("the function did not run before the next invocation:\n%s", out)
			}
		})
	}
}

func TestUserVariable(t *testing.T) {
	for env, want := range map[string]string{"": `"Pong `, "WORD=": `"Pong `, "WORD=Hello": `"Hello `} {
		config := emulator.Config{}
		if env != "" {
			config.Env = []string{env}
		}
		if got := pingOwn(t, config); !strings.Contains(got, want) {
			t.Errorf("%q: %s", env, got)
		}
	}
	_, out, err := startOwn(t, emulator.Config{Env: []string{"WORD=two words"}})
	if !errors.Is(err, emulator.ErrInit) || !strings.Contains(out.String(), `WORD="two words": want one word`) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRuntimeLimits_FollowTheMemory(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	runtime.SetDefaultGOMAXPROCS()
	cores := runtime.GOMAXPROCS(before) // Go's own choice, for the function too
	for name, test := range map[string]struct {
		memory, workers int
		env             []string
		processors      int
		limit           int64
		garbage         int
	}{
		"128 MB":                           {128, 1, nil, 1, 96 << 20, 200},
		"just below one core":              {1768, 1, nil, 1, 1326 << 20, 200},
		"one core":                         {1769, 1, nil, cores, 1769 << 20 / 4 * 3, 200},
		"several workers":                  {1024, 4, nil, cores, 768 << 20, 200},
		"turned off":                       {128, 1, []string{"RUNTIME_LIMITS=off"}, cores, math.MaxInt64, 100},
		"GOMEMLIMIT wins":                  {128, 1, []string{"GOMEMLIMIT=50MiB"}, 1, 50 << 20, 100},
		"GOMAXPROCS wins":                  {128, 1, []string{"GOMAXPROCS=3"}, 3, 96 << 20, 200},
		"GOGC wins":                        {128, 1, []string{"GOGC=50"}, 1, 96 << 20, 50},
		"GOMEMLIMIT wins where it is none": {128, 1, []string{"GOMEMLIMIT=off"}, 1, math.MaxInt64, 100},
	} {
		t.Run(name, func(t *testing.T) {
			got := pingOwn(t, emulator.Config{MemoryMB: test.memory, Concurrency: test.workers, Env: test.env})
			if want := fmt.Sprintf("processors=%d memory=%d garbage=%d\"", test.processors, test.limit, test.garbage); !strings.Contains(got, want) {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		want []string
	}{
		"a flag":                    {[]string{"-foo"}, nil, []string{`"-foo"`, "environment variables", "-help"}},
		"an argument":               {[]string{"foo"}, nil, []string{`"foo"`, "environment variables"}},
		"two mistakes, both":        {nil, map[string]string{"TRANSPORT": "x", "METRICS": "prometheus"}, []string{`TRANSPORT="x"`, `METRICS="prometheus"`, "off, emf"}},
		"a server's variable":       {nil, map[string]string{"GRPC_ADDRESS": ":1"}, []string{`GRPC_ADDRESS=":1"`, "local server", "unset"}},
		"a place that is no Lambda": {nil, nil, []string{"AWS_LAMBDA_RUNTIME_API", "-help"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := function.Run(t.Context(), test.args, func(name string) string { return test.env[name] }, &out, options()...)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
			if out.Len() > 0 {
				t.Errorf("written: %s", &out)
			}
		})
	}
}

func TestHelp_ListsUserVariables(t *testing.T) {
	var out bytes.Buffer
	if err := function.Run(t.Context(), []string{"-help"}, func(string) string { return "" }, &out, options()...); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"TRANSPORT", "unix,bufconn", "WORD", "Pong", "what a ping is answered with"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestTheFunctionLinksNothingOfTheLocalServer(t *testing.T) {
	list := exec.Command("go", "list", "-deps", ".")
	packages, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	for _, unwanted := range []string{"lambda-grpc-gateway/local", "lambda/emulator", "prometheus/client_golang", "grpc/reflection\n", "golang.org/x/net/netutil", "go.opentelemetry.io"} {
		if strings.Contains(string(packages), unwanted) {
			t.Errorf("the function's binary has %s", unwanted)
		}
	}
	if !strings.Contains(string(packages), "lambda/function\n") {
		t.Errorf("these are not the function's packages: %s", packages)
	}
}

// A mistake in the configuration is an error that names the allowed values. With a
// valid configuration, Run serves invocations.
func ExampleRun() {
	environment := map[string]string{"TRANSPORT": "pigeon", "LOG_LEVEL": "loud"}
	err := function.Run(context.Background(), nil, func(name string) string { return environment[name] }, os.Stdout,
		service.Bind[testv1.PingServiceServer](
			testv1.RegisterPingServiceServer,
			testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient,
			testservice.PingService{},
		),
	)
	fmt.Println(err)
	// Output:
	// TRANSPORT="pigeon": want one of unix, bufconn, inproc, tcp, or several in order of preference, each once, separated by commas
	// LOG_LEVEL="loud": want one of debug, info, warn, error
}
