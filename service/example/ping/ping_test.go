package ping_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/ping"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	response, err := ping.Service{}.Ping(context.Background(), &examplev1.PingRequest{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.GetMessage())
	// Output: Pong
}

// dial serves ping.Service in memory until the test ends and returns a client.
func dial(t *testing.T) examplev1.PingServiceClient {
	t.Helper()
	conn, err := transport.Bufconn().Open(t.Context(), transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) { examplev1.RegisterPingServiceServer(r, ping.Service{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
	return examplev1.NewPingServiceClient(conn)
}

func TestPingOverGRPC(t *testing.T) {
	response, err := dial(t).Ping(t.Context(), &examplev1.PingRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := response.GetMessage(); got != "Pong" {
		t.Errorf("message %q, want %q", got, "Pong")
	}
}

func TestPingOfACancelledCallIsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dial(t).Ping(ctx, &examplev1.PingRequest{}); status.Code(err) != codes.Canceled {
		t.Errorf("error %v, want code %v", err, codes.Canceled)
	}
}

func TestPingOverHTTP(t *testing.T) {
	mux := runtime.NewServeMux()
	if err := examplev1.RegisterPingServiceHandlerClient(t.Context(), mux, dial(t)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, target string
		status         int
		body           string
	}{
		"a GET is answered to the byte":            {http.MethodGet, "/v1/ping", http.StatusOK, `{"message":"Pong"}`},
		"a parameter it does not know is no error": {http.MethodGet, "/v1/ping?x=1", http.StatusOK, `{"message":"Pong"}`},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			mux.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), test.method, test.target, nil))
			if recorder.Code != test.status {
				t.Errorf("status %d, want %d", recorder.Code, test.status)
			}
			if got := recorder.Body.String(); got != test.body {
				t.Errorf("body %s, want %s", got, test.body)
			}
		})
	}
}

func TestPingIsMappedToOneMethodAndPath(t *testing.T) {
	mux := runtime.NewServeMux()
	if err := examplev1.RegisterPingServiceHandlerClient(t.Context(), mux, dial(t)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, target string
		status         int
	}{
		"another method": {http.MethodPut, "/v1/ping", http.StatusNotImplemented},
		"a longer path":  {http.MethodGet, "/v1/ping/x", http.StatusNotFound},
		"a shorter path": {http.MethodGet, "/v1", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			mux.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), test.method, test.target, nil))
			if recorder.Code != test.status {
				t.Errorf("status %d, want %d", recorder.Code, test.status)
			}
		})
	}
}
