package recipes_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// A server of another module, with an interceptor that requires claims: no door
// takes them from a client, and health needs none.
func TestForgedClaimsDoNothingOnAnyDoor(t *testing.T) {
	http1, grpc2 := startServer(t, append(services(), service.WithUnaryInterceptors(requireRole("admin")))...)
	key := eventmd.Prefix + "authorizer-claims"
	const claims = `{"role":"admin"}`
	for name, test := range map[string]struct {
		method, path, header string
		status               int
	}{
		"REST":                                {"GET", "/v1/orders/1", key, 401},
		"REST, as metadata of the gateway":    {"GET", "/v1/customers/7", "Grpc-Metadata-" + key, 401},
		"Connect":                             {"POST", "/shop.v1.CustomerService/GetCustomer", key, 401},
		"health, which the interceptor skips": {"GET", "/healthz", key, 200},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), test.method, http1+test.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(test.header, claims)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != test.status {
				body, _ := io.ReadAll(response.Body)
				t.Errorf("%s %s, want %d", response.Status, body, test.status)
			}
		})
	}
	conn, err := grpc.NewClient(grpc2, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), key, claims)
	if _, err := shopv1.NewCustomerServiceClient(conn).GetCustomer(ctx, &shopv1.GetCustomerRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("gRPC: %v, want code %v", err, codes.Unauthenticated)
	}
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health over gRPC: %v", err)
	}
}

// startServer runs a local server until the test ends and returns its addresses:
// the URL of HTTP, and that of gRPC.
func startServer(t *testing.T, options ...service.Option) (http, grpc string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		args := []string{"-http-address", "localhost:0", "-grpc-address", "localhost:0", "-metrics-address", "off"}
		err := server.Run(ctx, args, func(string) string { return "" }, write, options...)
		write.CloseWithError(err)
		done <- err
	}()
	serving := regexp.MustCompile(`msg=serving .*http=(\S+) .*grpc=(\S+)`)
	log, buffer := "", make([]byte, 1024)
	for !serving.MatchString(log) {
		n, err := read.Read(buffer)
		if err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		log += string(buffer[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	found := serving.FindStringSubmatch(log)
	return found[1], found[2]
}
