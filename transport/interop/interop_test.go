package interop_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A case that fails ends its process, so each case runs in a separate
// process. These variables tell that process what to run.
const (
	transportVariable = "INTEROP_TRANSPORT"
	caseVariable      = "INTEROP_CASE"
)

// A testCase makes its calls on conn and ends the process if one goes wrong.
type testCase func(ctx context.Context, conn grpc.ClientConnInterface)

var cases = map[string]testCase{
	"empty_unary":                 onTestService(interop.DoEmptyUnaryCall),
	"large_unary":                 onTestService(interop.DoLargeUnaryCall),
	"client_streaming":            onTestService(interop.DoClientStreaming),
	"server_streaming":            onTestService(interop.DoServerStreaming),
	"ping_pong":                   onTestService(interop.DoPingPong),
	"empty_stream":                onTestService(interop.DoEmptyStream),
	"timeout_on_sleeping_server":  onTestService(interop.DoTimeoutOnSleepingServer),
	"cancel_after_begin":          onTestService(interop.DoCancelAfterBegin),
	"cancel_after_first_response": onTestService(interop.DoCancelAfterFirstResponse),
	"custom_metadata":             onTestService(interop.DoCustomMetadata),
	"status_code_and_message":     onTestService(interop.DoStatusCodeAndMessage),
	"special_status_message":      onTestService(interop.DoSpecialStatusMessage),
	"unimplemented_service": func(ctx context.Context, conn grpc.ClientConnInterface) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(conn))
	},
}

func onTestService(run func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) testCase {
	return func(ctx context.Context, conn grpc.ClientConnInterface) {
		run(ctx, testgrpc.NewTestServiceClient(conn))
	}
}

func TestInterop(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"unix", "bufconn", "tcp", "inproc"} {
		t.Run(name, func(t *testing.T) {
			for c := range cases {
				t.Run(c, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					cmd := exec.CommandContext(ctx, executable, "-test.run=^TestCase$", "-test.v")
					cmd.Env = append(os.Environ(), transportVariable+"="+name, caseVariable+"="+c)
					out, err := cmd.CombinedOutput()
					if err != nil || !bytes.Contains(out, []byte("--- PASS: TestCase")) {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
		})
	}
}

// TestCase runs one case in its own process.
func TestCase(t *testing.T) {
	run, ok := cases[os.Getenv(caseVariable)]
	if !ok {
		if name := os.Getenv(caseVariable); name != "" {
			t.Fatalf("there is no case %q", name)
		}
		return // in the process that starts the others
	}
	tr, err := transport.Parse(os.Getenv(transportVariable))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server := transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
		testgrpc.RegisterTestServiceServer(r, interop.NewTestServer())
	}}
	if os.Getenv(caseVariable) == "cancel_after_begin" {
		server.StreamInterceptors = []grpc.StreamServerInterceptor{endWithContext}
	}
	conn, err := tr.Open(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	run(ctx, conn)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// endWithContext ends a call only after its context. The case that cancels a
// call and then asks for its response expects Canceled. Within one process
// the response can arrive before the cancellation is noticed, over grpc-go's
// own transport as well, and may then be returned.
func endWithContext(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	err := next(srv, stream)
	<-stream.Context().Done()
	return err
}
