package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A case that fails ends its process, so each runs in a separate process. These
// variables tell that process what to run.
const (
	urlVariable      = "INTEROP_URL"
	protocolVariable = "INTEROP_PROTOCOL"
	caseVariable     = "INTEROP_CASE"
	streamVariable   = "INTEROP_STREAM" // of the function
)

// A testCase makes its calls on conn and ends the process if one goes wrong.
type testCase struct {
	run        func(ctx context.Context, conn grpc.ClientConnInterface)
	fullDuplex bool // it receives before it has sent everything
}

func cases() map[string]testCase {
	on := func(run func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) func(context.Context, grpc.ClientConnInterface) {
		return func(ctx context.Context, conn grpc.ClientConnInterface) {
			run(ctx, testgrpc.NewTestServiceClient(conn))
		}
	}
	return map[string]testCase{
		"empty_unary":                 {on(interop.DoEmptyUnaryCall), false},
		"large_unary":                 {on(interop.DoLargeUnaryCall), false},
		"client_streaming":            {on(interop.DoClientStreaming), false},
		"server_streaming":            {on(interop.DoServerStreaming), false},
		"ping_pong":                   {on(interop.DoPingPong), true},
		"empty_stream":                {on(interop.DoEmptyStream), false},
		"timeout_on_sleeping_server":  {on(interop.DoTimeoutOnSleepingServer), true},
		"cancel_after_begin":          {on(interop.DoCancelAfterBegin), false},
		"cancel_after_first_response": {on(interop.DoCancelAfterFirstResponse), true},
		"custom_metadata":             {on(interop.DoCustomMetadata), true},
		"status_code_and_message":     {on(interop.DoStatusCodeAndMessage), false},
		"special_status_message":      {on(interop.DoSpecialStatusMessage), false},
		"unimplemented_method":        {unimplementedMethod, false},
		"unimplemented_service": {func(ctx context.Context, conn grpc.ClientConnInterface) {
			interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(conn))
		}, false},
	}
}

// unimplementedMethod is the case of that name. grpc-go's version accepts only a
// *grpc.ClientConn.
func unimplementedMethod(ctx context.Context, conn grpc.ClientConnInterface) {
	err := conn.Invoke(ctx, "/grpc.testing.TestService/UnimplementedCall", &testgrpc.Empty{}, &testgrpc.Empty{})
	if status.Code(err) != codes.Unimplemented {
		panic(fmt.Sprintf("%v, want Unimplemented", err))
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		serveInvocations()
		return
	}
	os.Exit(m.Run())
}

// serveInvocations is the function.
func serveInvocations() {
	h, _, err := newHandler()
	if err != nil {
		panic(err)
	}
	events := event.NewHandler(h)
	if os.Getenv(streamVariable) != "" {
		lambda.Start(events.Stream)
	}
	lambda.Start(events)
}

// newHandler serves the service that the cases call.
func newHandler() (http.Handler, transport.Conn, error) {
	var services map[string]grpc.ServiceInfo
	conn, err := transport.InProcess().Open(context.Background(), transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) {
			testgrpc.RegisterTestServiceServer(r, interop.NewTestServer())
			services = r.(interface {
				GetServiceInfo() map[string]grpc.ServiceInfo
			}).GetServiceInfo()
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return nil, nil, err
	}
	h, err := rpc.NewHandler(conn, services, rpc.Config{})
	return h, conn, err
}

// Native gRPC over HTTP/2 without TLS is served by the same handler.
func TestInterop_GRPC(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h, conn, err := newHandler()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	for name := range cases() {
		t.Run(name, func(t *testing.T) {
			if out, ok := runCase(t, executable, server.URL, "grpc", name); !ok {
				t.Errorf("%s", out)
			}
		})
	}
}

// runCase runs a case in a process of its own.
func runCase(t *testing.T, executable, url, protocol, name string) (out []byte, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, "-test.run=^TestCase$", "-test.v")
	cmd.Env = append(os.Environ(), urlVariable+"="+url, protocolVariable+"="+protocol, caseVariable+"="+name)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("the case did not end")
	}
	return out, err == nil && bytes.Contains(out, []byte("--- PASS: TestCase"))
}

func TestInterop(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range frontdoor.Sources() {
		t.Run(string(source), func(t *testing.T) { testSource(t, executable, source, false) })
	}
	for _, source := range []frontdoor.Source{frontdoor.FunctionURL, frontdoor.RESTAPI} {
		t.Run(string(source)+", streamed", func(t *testing.T) { testSource(t, executable, source, true) })
	}
}

func testSource(t *testing.T, executable string, source frontdoor.Source, stream bool) {
	config := emulator.Config{Path: executable, Concurrency: 8, Stdout: t.Output(), Stderr: t.Output()}
	var options []frontdoor.Option
	if stream {
		config.Env = append(config.Env, streamVariable+"=1")
		options = append(options, frontdoor.WithStreaming())
	}
	fn, err := emulator.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer fn.Close()
	var door http.Handler
	if door, err = frontdoor.New(fn, source, options...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door)
	defer server.Close()
	passed := 0
	for name, c := range cases() {
		for _, protocol := range []string{"connect", "grpc-web"} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				out, ok := runCase(t, executable, server.URL, protocol, name)
				switch {
				case c.fullDuplex && ok:
					t.Errorf("a case that needs full duplex passes\n%s", out)
				case c.fullDuplex && !bytes.Contains(out, []byte("half duplex")):
					t.Errorf("the error does not say why\n%s", out)
				case !c.fullDuplex && !ok:
					t.Errorf("%s", out)
				}
				if ok {
					passed++
				}
			})
		}
	}
	if want := 2 * 10; passed != want {
		t.Errorf("%d of %d cases pass, want %d", passed, 2*len(cases()), want)
	}
}

// TestCase is the other process.
func TestCase(t *testing.T) {
	c, ok := cases()[os.Getenv(caseVariable)]
	if !ok {
		if name := os.Getenv(caseVariable); name != "" {
			t.Fatalf("there is no case %q", name)
		}
		return // in the process that starts the others
	}
	conn, err := dial(os.Getenv(urlVariable), os.Getenv(protocolVariable))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c.run(ctx, conn)
}

// closer is a channel of either kind.
type closer interface {
	grpc.ClientConnInterface
	Close() error
}

func dial(url, protocol string) (closer, error) {
	switch protocol {
	case "connect":
		return client.New(url)
	case "grpc-web":
		return client.New(url, client.WithGRPCWeb())
	case "grpc":
		return grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	return nil, fmt.Errorf("there is no protocol %q", protocol)
}
