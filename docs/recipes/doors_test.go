package recipes_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
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
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

const claimsKey = eventmd.Prefix + "authorizer-claims"

// calls are a call of each service, and of a stream.
var calls = map[string]struct {
	path string
	call func(context.Context, grpc.ClientConnInterface) error
}{
	"OrderService": {"/v1/orders/1", func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := shopv1.NewOrderServiceClient(conn).GetOrder(ctx, &shopv1.GetOrderRequest{Id: "1"})
		return err
	}},
	"OrderService, a stream": {"/v1/orders/1:watch", func(ctx context.Context, conn grpc.ClientConnInterface) error {
		stream, err := shopv1.NewOrderServiceClient(conn).WatchOrder(ctx, &shopv1.GetOrderRequest{Id: "1"})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}},
	"CustomerService": {"/v1/customers/7", func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := shopv1.NewCustomerServiceClient(conn).GetCustomer(ctx, &shopv1.GetCustomerRequest{Id: "7"})
		return err
	}},
	"PaymentService": {"/v1/payments/9", func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := shopv1.NewPaymentServiceClient(conn).GetPayment(ctx, &shopv1.GetPaymentRequest{Id: "9"})
		return err
	}},
}

func restricted() []service.Option {
	return append(services(), service.WithUnaryInterceptors(requireRole("admin")), service.WithStreamInterceptors(requireRoleOfStreams("admin")))
}

// Three services of another module behind interceptors that require claims: no
// door of a server takes claims from a client, and health needs none.
func TestForgedClaimsDoNothingOnAnyDoor(t *testing.T) {
	http1, grpc2 := startServer(t, restricted()...)
	forged := metadata.AppendToOutgoingContext(t.Context(), claimsKey, `{"role":"admin"}`)
	for name, dial := range map[string]func() (channel, error){
		"gRPC": func() (channel, error) {
			return grpc.NewClient(grpc2, grpc.WithTransportCredentials(insecure.NewCredentials()))
		},
		"gRPC on the port of HTTP": func() (channel, error) {
			return grpc.NewClient(strings.TrimPrefix(http1, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
		},
		"gRPC-Web": func() (channel, error) { return client.New(http1, client.WithGRPCWeb()) },
		"Connect":  func() (channel, error) { return client.New(http1) },
	} {
		conn, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for method, c := range calls {
			if err := c.call(forged, conn); status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s, %s: %v, want code %v", name, method, err, codes.Unauthenticated)
			}
		}
		if name != "gRPC" {
			continue // health is at /healthz
		}
		if _, err := healthpb.NewHealthClient(conn).Check(forged, &healthpb.HealthCheckRequest{}); err != nil {
			t.Errorf("health: %v", err)
		}
	}
	for _, header := range []string{claimsKey, "Grpc-Metadata-" + claimsKey} {
		for method, c := range calls {
			if code := getForging(t, http1+c.path, header); code != http.StatusUnauthorized {
				t.Errorf("REST with %s, %s: %d", header, method, code)
			}
		}
		if code := getForging(t, http1+"/healthz", header); code != http.StatusOK {
			t.Errorf("/healthz with %s: %d", header, code)
		}
	}
}

// Behind each event source, a function takes claims from the authorizer alone.
func TestForgedClaimsDoNothingInEvents(t *testing.T) {
	svc := open(append(restricted(), service.WithReservedMetadata(eventmd.FromContext))...)
	t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	handler := event.NewHandler(svc)
	authorized := frontdoor.WithAuthorizer(func(*http.Request) (frontdoor.Authorized, bool) {
		return frontdoor.Authorized{Claims: map[string]string{"role": "admin"}}, true
	})
	for _, source := range frontdoor.Sources() {
		for method, c := range calls {
			if code := getForging(t, serveEvents(t, handler, source)+c.path, claimsKey); code != http.StatusUnauthorized {
				t.Errorf("%s, %s: %d", source, method, code)
			}
			if source != frontdoor.RESTAPI && source != frontdoor.HTTPAPI && source != frontdoor.HTTPAPIv1 {
				continue // it has no claims
			}
			if code := getForging(t, serveEvents(t, handler, source, authorized)+c.path, claimsKey); code != http.StatusOK {
				t.Errorf("%s, %s, with an authorizer: %d", source, method, code)
			}
		}
		if code := getForging(t, serveEvents(t, handler, source)+"/healthz", claimsKey); code != http.StatusOK {
			t.Errorf("%s: /healthz: %d", source, code)
		}
	}
}

type channel interface {
	grpc.ClientConnInterface
	io.Closer
}

// serveEvents puts a front door before handler and returns its URL.
func serveEvents(t *testing.T, handler emulator.Handler, source frontdoor.Source, options ...frontdoor.Option) string {
	t.Helper()
	door, err := frontdoor.New(emulator.InProcess(handler), source, options...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	return server.URL
}

// getForging sends a GET request with claims in a header, and returns the status.
func getForging(t *testing.T, url, header string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(header, `{"role":"admin"}`)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
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
