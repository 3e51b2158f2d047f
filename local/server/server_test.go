package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
	localserver "github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// runAsServer is the variable that makes this test binary run the local server. If
// the emulator starts the binary, it runs as the function. Both have the services
// of package testservice.
const runAsServer = "SERVER_TEST"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(runAsServer) != "":
		localserver.Main(append(testservice.Options(), service.WithRoute("GET "+cpuPath, http.HandlerFunc(serveCPUTime)))...)
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		function.Main(testservice.Options()...)
	}
	goleak.VerifyTestMain(m)
}

// A server is the program running in this process.
type server struct {
	http, grpc, metrics, docs string // addresses
	log                       *testlog.Buffer
	stop                      context.CancelFunc
	done                      chan error
}

// freePorts returns flags that make a server with args listen on free ports.
func freePorts(args []string) (flags []string) {
	for _, flag := range []string{"-http-address", "-grpc-address", "-metrics-address", "-docs"} {
		if !slices.Contains(args, flag) && (flag == "-http-address" || flag == "-docs" || !slices.Contains(args, "-lambda")) {
			flags = append(flags, flag, "localhost:0")
		}
	}
	return flags
}

func start(t *testing.T, env map[string]string, args ...string) *server {
	t.Helper()
	return startWith(t, nil, env, args...)
}

// startWith starts the test services with further options.
func startWith(t *testing.T, options []service.Option, env map[string]string, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{log: &testlog.Buffer{}, stop: cancel, done: make(chan error, 1)}
	args = append(freePorts(args), args...)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.done <- localserver.Run(ctx, args, func(name string) string { return env[name] }, s.log, append(testservice.Options(), options...)...)
	}()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		<-ended // so that its goroutines are not reported as a leak
	})
	for end := time.Now().Add(time.Minute); !strings.Contains(s.log.String(), "msg=serving"); {
		select {
		case <-time.After(time.Millisecond):
			if time.Now().After(end) {
				t.Fatalf("the program does not serve: %s", s.log)
			}
		case err := <-s.done:
			t.Fatalf("run: %v\n%s", err, s.log)
		}
	}
	s.http = match(s.log.String(), ` http=http://(\S+)`)
	s.grpc = match(s.log.String(), ` grpc=(\S+)`)
	s.docs = match(s.log.String(), ` docs=http://(\S+)`)
	s.metrics = match(s.log.String(), ` metrics=http://(\S+)/metrics`)
	return s
}

func match(s, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// wait stops the program and returns its error.
func (s *server) wait(t *testing.T) error {
	t.Helper()
	s.stop()
	select {
	case err := <-s.done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the program did not stop")
		return nil
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", r.StatusCode, body)
}

func TestRun_EveryTransport(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"tcp":     nil, // the default
		"unix":    {"TRANSPORT": "unix"},
		"bufconn": {"TRANSPORT": "bufconn,unix"},
		"inproc":  {"TRANSPORT": "inproc"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, env)
			if got := get(t, "http://"+s.http+"/v1/ping"); got != `200 {"message":"Pong"}` {
				t.Errorf("ping over HTTP: %s", got)
			}
			conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if r, err := testv1.NewPingServiceClient(conn).Ping(t.Context(), &testv1.PingRequest{}); err != nil || r.GetMessage() != "Pong" {
				t.Errorf("ping over gRPC: %v, %v", r, err)
			}
			if n := strings.Count(s.log.String(), "grpc.method=Ping"); n != 2 || !strings.Contains(s.log.String(), "transport="+name) {
				t.Errorf("%d log lines for two calls:\n%s", n, s.log)
			}
			reflection, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = reflection.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
			if r, err := reflection.Recv(); err != nil || !strings.Contains(r.String(), "test.v1.EchoService") {
				t.Errorf("reflection: %v, %v", r, err)
			}
			_ = reflection.CloseSend()
			metrics := get(t, "http://"+s.metrics+"/metrics")
			for _, want := range []string{
				`grpc_server_handled_total{grpc_code="OK",grpc_method="Ping",grpc_service="test.v1.PingService",grpc_type="unary"} 2`,
				`grpc_gateway_transport_info{transport="` + name + `"} 1`,
				"go_goroutines",
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("metrics lack %s", want)
				}
			}
			if err := s.wait(t); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}

func TestRun_StopWaitsForCallsInFlight(t *testing.T) {
	s := start(t, nil)
	r, err := http.Get("http://" + s.http + "/v1/echo/7/stream?count=10&interval=50ms")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := r.Body.Read(make([]byte, 1)); err != nil { // the call is in flight
		t.Fatal(err)
	}
	s.stop()
	for {
		conn, err := net.Dial("tcp", s.http)
		if err != nil {
			break
		}
		conn.Close()
	}
	rest, err := io.ReadAll(r.Body)
	if n := strings.Count(string(rest), "\n"); err != nil || n != 10 {
		t.Errorf("%d of 10 messages, %v", n, err)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestDrainTimeout(t *testing.T) {
	s := start(t, nil, "-drain-timeout", "50ms")
	r, err := http.Get("http://" + s.http + "/v1/echo/7/stream?count=1000&interval=10s")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := s.wait(t); err != nil {
		t.Errorf("run: %v", err)
	}
	if !strings.Contains(s.log.String(), "cut off") {
		t.Errorf("no warning:\n%s", s.log)
	}
}

func TestRun_InvalidSettings(t *testing.T) {
	busy, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		want []string
		code int
	}{
		"help":                         {args: []string{"--help"}, want: []string{"-grpc-address"}, code: 0},
		"an unknown flag":              {args: []string{"-x"}, want: []string{"-x"}, code: 2},
		"an argument":                  {args: []string{"x"}, want: []string{`"x"`}, code: 2},
		"a transport by flag":          {args: []string{"-transport", "x"}, want: []string{`-transport="x"`, "unix, bufconn, inproc, tcp"}, code: 2},
		"a transport by variable":      {env: map[string]string{"TRANSPORT": "x"}, want: []string{`TRANSPORT="x"`, "unix, bufconn, inproc, tcp"}, code: 2},
		"a level":                      {env: map[string]string{"LOG_LEVEL": "loud"}, want: []string{`LOG_LEVEL="loud"`, "debug, info, warn, error"}, code: 2},
		"a source":                     {args: []string{"-lambda", "f", "-source", "x"}, want: []string{`-source="x"`, "rest-api", "function-url"}, code: 2},
		"an address without port":      {args: []string{"-http-address", "localhost"}, want: []string{`-http-address="localhost"`, "host:port"}, code: 2},
		"a busy port":                  {args: []string{"-grpc-address", busy.Addr().String()}, want: []string{"-grpc-address=" + busy.Addr().String(), "in use"}, code: 1},
		"two mistakes":                 {args: []string{"-transport", "x", "-log-level", "y"}, want: []string{"-transport", "-log-level"}, code: 2},
		"an origin":                    {args: []string{"-cors-origins", "example.com"}, want: []string{`-cors-origins="example.com"`, "scheme://host"}, code: 2},
		"a value for the function":     {env: map[string]string{"METRICS": "emf"}, want: []string{`METRICS="emf"`, "off, prometheus"}, code: 2},
		"a function's variable":        {env: map[string]string{"RESPONSE_MODE": "foo"}, want: []string{`RESPONSE_MODE="foo"`, "-lambda"}, code: 2},
		"a source without function":    {args: []string{"-source", "alb"}, want: []string{`-source="alb"`, "-lambda"}, code: 2},
		"a gRPC port of a function":    {args: []string{"-lambda", "f", "-grpc-address", "localhost:0"}, want: []string{`-grpc-address="localhost:0"`, "-lambda"}, code: 2},
		"a source without authorizers": {args: []string{"-lambda", "f", "-source", "alb", "-claims", "x"}, want: []string{`-claims="x"`, `-source="alb"`}, code: 2},
		"claims that do not exist":     {args: []string{"-lambda", "f", "-claims", "no/such"}, want: []string{`-claims="no/such"`, "no such file"}, code: 2},
		"claims that are not JSON":     {args: []string{"-lambda", "f", "-claims", "server.go"}, want: []string{`-claims="server.go"`, "claims, scopes"}, code: 2},
		"a source without stages":      {args: []string{"-lambda", "f", "-source", "alb", "-stage", "x"}, want: []string{`-stage="x"`, `-source="alb"`, "rest-api"}, code: 2},
		"a source without streams":     {args: []string{"-lambda", "f"}, env: map[string]string{"RESPONSE_MODE": "stream"}, want: []string{`RESPONSE_MODE="stream"`, `-source="http-api"`, "function-url"}, code: 2},
		"an origin by variable":        {env: map[string]string{"CORS_ORIGINS": "https://a.example https://*"}, want: []string{`CORS_ORIGINS="https://a.example https://*"`, `"https://*"`, "whole label"}, code: 2},
		"a function that is missing":   {args: []string{"-lambda", filepath.Join(t.TempDir(), "none")}, want: []string{"none"}, code: 1},
		"a busy port for functions":    {args: []string{"-lambda", "f", "-http-address", busy.Addr().String()}, want: []string{"-http-address", "in use"}, code: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			args := append(freePorts(test.args), test.args...)
			err := localserver.Run(t.Context(), args, func(name string) string { return test.env[name] }, &stderr, testservice.Options()...)
			if err != nil {
				fmt.Fprintln(&stderr, err)
			}
			if code := localserver.ExitCode(err); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%q does not say %q", &stderr, want)
				}
			}
		})
	}
}

// thisBinary returns the path of this test binary. It runs as the function if the
// emulator starts it, and as the server if runAsServer is set.
func thisBinary(t testing.TB) string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestRun_ServesThroughTheFunction(t *testing.T) {
	binary := thisBinary(t)
	for _, source := range frontdoor.Sources() {
		t.Run(string(source), func(t *testing.T) {
			s := start(t, map[string]string{"TRANSPORT": "inproc"}, "-lambda", binary, "-source", string(source))
			if got := get(t, "http://"+s.http+"/v1/ping"); got != `200 {"message":"Pong"}` {
				t.Errorf("ping: %s", got)
			}
			if err := s.wait(t); err != nil {
				t.Errorf("run: %v", err)
			}
			// After the stop, all of the function's output has arrived.
			if !strings.Contains(s.log.String(), "transport=inproc") {
				t.Errorf("TRANSPORT did not reach the function:\n%s", s.log)
			}
		})
	}
	t.Run("with a base path", func(t *testing.T) {
		s := start(t, nil, "-lambda", binary, "-source", "rest-api", "-base-path", "/api")
		if got := get(t, "http://"+s.http+"/api/v1/ping"); got != `200 {"message":"Pong"}` {
			t.Errorf("ping: %s", got)
		}
		if err := s.wait(t); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestMain_HelpIsOnStandardOutput(t *testing.T) {
	cmd := exec.Command(thisBinary(t), "-help")
	cmd.Env = append(os.Environ(), runAsServer+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	help, err := cmd.Output()
	if err != nil || !bytes.Contains(help, []byte("  -transport, TRANSPORT")) || stderr.Len() > 0 {
		t.Errorf("%v\nstandard output:\n%s\nstandard error:\n%s", err, help, &stderr)
	}
}

func TestMain_SignalsEndWithCodeZero(t *testing.T) {
	binary := thisBinary(t)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		l := &testlog.Buffer{}
		cmd := exec.Command(binary, "-http-address", "localhost:0", "-grpc-address", "localhost:0", "-metrics-address", "off", "-docs", "off", "-transport", "unix")
		cmd.Env = append(os.Environ(), runAsServer+"=1", "TMPDIR="+t.TempDir())
		cmd.Stderr = l
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		l.Wait(t, "msg=serving")
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: %v\n%s", signal, err, l)
		}
	}
}
