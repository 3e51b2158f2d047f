package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// TestMain runs this test binary as a function of aws-lambda-go if FUNCTION is
// set. Otherwise it runs the tests.
func TestMain(m *testing.M) {
	if name := os.Getenv("FUNCTION"); name != "" {
		runFunction(name)
	}
	goleak.VerifyTestMain(m)
}

// config returns a configuration that runs this binary as the named function.
func config(t testing.TB, name string, env ...string) emulator.Config {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Without GORACE, the race detector sleeps for a second before a process exits.
	return emulator.Config{Path: path, Env: append([]string{"FUNCTION=" + name, "GORACE=atexit_sleep_ms=0"}, env...)}
}

// start starts a function. At the end of the test it closes the function and
// checks that no process is left.
func start(t testing.TB, cfg emulator.Config) *emulator.Function {
	t.Helper()
	f, err := emulator.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		for _, p := range f.Processes() {
			if err := syscall.Kill(p.Pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d after Close: %v, want ESRCH", p.Pid, err)
			}
		}
	})
	return f
}

// command is the event of the function "commands", which says what to do.
type command struct {
	Do   string
	Text string
	N    int
	For  time.Duration
}

func (c command) payload(t testing.TB) []byte {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func runFunction(name string) {
	switch name {
	case "commands":
		lambda.Start(handle)
	case "sigterm": // prints a line on SIGTERM and exits
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
			fmt.Println("got SIGTERM")
			os.Exit(0)
		}))
	case "ignore-sigterm": // registers the extension and never exits by itself
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("got SIGTERM") }))
	case "stale": // leaves a file with one line for each process
		file, err := os.OpenFile(os.TempDir()+"/stale", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(file, os.Getpid())
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		lambda.Start(handle)
	case "exit-in-init":
		os.Exit(7)
	case "exit-after-first-life": // starts once, then never again
		if _, err := os.Stat(os.TempDir() + "/lived"); err == nil {
			os.Exit(8)
		}
		if err := os.WriteFile(os.TempDir()+"/lived", nil, 0o600); err != nil {
			os.Exit(9)
		}
		lambda.Start(handle)
	case "hang-in-init":
		select {}
	case "raw":
		rawFunction()
	default:
		fmt.Println("no function", name)
		os.Exit(1)
	}
}

type invocationInfo struct {
	Pid       int
	Text      string
	RequestID string
	ARN       string
	Tenant    string
	Trace     string
	Client    string
	Deadline  time.Time
	Env       []string
	Dir       string
}

func handle(ctx context.Context, c command) (any, error) {
	switch c.Do {
	case "echo":
		time.Sleep(c.For)
		return c.Text, nil
	case "tell":
		return tell(ctx), nil
	case "fail":
		return nil, errors.New(c.Text)
	case "panic":
		panic(c.Text)
	case "exit":
		os.Exit(c.N)
	case "hang":
		if c.Text != "" {
			fmt.Println(c.Text)
		}
		select {}
	case "large":
		return strings.NewReader(strings.Repeat("x", c.N)), nil
	case "count": // how many lines the stale file has
		b, err := os.ReadFile(os.TempDir() + "/stale")
		return bytes.Count(b, []byte("\n")), err
	case "print":
		fmt.Println(c.Text)
		fmt.Fprintln(os.Stderr, "error:", c.Text)
		return nil, nil
	case "child": // starts a child that inherits the output and outlives its parent
		return startChild()
	case "meet": // returns once n invocations run at the same time
		return nil, meet(ctx, c.N)
	case "stream":
		return &stream{ctx: ctx, command: c}, nil
	}
	return nil, fmt.Errorf("unknown command %q", c.Do)
}

func tell(ctx context.Context) invocationInfo {
	a := invocationInfo{Pid: os.Getpid(), Env: os.Environ()}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		a.RequestID, a.ARN, a.Tenant = lc.AwsRequestID, lc.InvokedFunctionArn, lc.TenantID
		a.Client = lc.ClientContext.Client.AppTitle
	}
	a.Trace, _ = ctx.Value("x-amzn-trace-id").(string)
	a.Deadline, _ = ctx.Deadline()
	a.Dir, _ = os.Getwd()
	return a
}

func startChild() (int, error) {
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"},
		&os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, err
	}
	return p.Pid, nil
}

// meeting counts the invocations that are waiting in meet.
var meeting = struct {
	sync.Mutex
	here int
	full chan struct{}
}{full: make(chan struct{})}

func meet(ctx context.Context, n int) error {
	meeting.Lock()
	meeting.here++
	if meeting.here == n {
		close(meeting.full)
	}
	meeting.Unlock()
	select {
	case <-meeting.full:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stream is a streamed response of N pieces. Before every piece except the first,
// it waits for a file in the temporary directory whose name is the piece's
// number. The test creates that file after it has read the previous piece.
type stream struct {
	ctx     context.Context
	command command
	next    int
	begun   bool
}

func (s *stream) MarshalJSON() ([]byte, error) { return nil, errors.New("not json") }

func (s *stream) ContentType() string { return emulator.StreamContentType }

func (s *stream) Read(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		return copy(p, `{"statusCode":201,"headers":{"content-type":"text/plain"}}`+strings.Repeat("\x00", 8)), nil
	}
	if s.next == s.command.N {
		switch s.command.Text {
		case "fail":
			return 0, errors.New("torn")
		case "exit":
			os.Exit(3)
		case "hang":
			select {}
		}
		return 0, io.EOF
	}
	for gate := fmt.Sprintf("%s/%d", os.TempDir(), s.next); s.next > 0; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(gate); err == nil {
			break
		}
	}
	s.next++
	return copy(p, fmt.Sprintf("piece %d\n", s.next)), nil
}

// eventually waits until condition holds, or fails the test with what after a minute.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute: %s", what)
		}
	}
}

// waitForLines waits until a function has printed n lines.
func waitForLines(t *testing.T, out *testlog.Buffer, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("less than %d lines are printed", n), func() bool { return strings.Count(out.String(), "\n") >= n })
}
