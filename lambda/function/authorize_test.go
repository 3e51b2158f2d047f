package function_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// requireScope allows calls of a method only with a scope that API Gateway's JWT
// authorizer has found in the caller's token.
func requireScope(method, scope string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		scopes := metadata.ValueFromIncomingContext(ctx, eventmd.Prefix+"authorizer-scope")
		if info.FullMethod == method && !slices.Contains(scopes, scope) {
			return nil, status.Errorf(codes.PermissionDenied, "the token lacks the scope %q", scope)
		}
		return next(ctx, req)
	}
}

// An interceptor can rely on the event's data about the caller, since clients
// cannot set this metadata.
func Example_authorize() {
	svc, err := service.New(context.Background(), transport.InProcess(),
		service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient, testservice.PingService{}),
		service.WithReservedMetadata(eventmd.FromContext),
		service.WithUnaryInterceptors(requireScope("/test.v1.PingService/Ping", "ping")),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	handler := event.NewHandler(svc)

	for _, scope := range []string{"read", "ping"} {
		answer, err := handler.Invoke(context.Background(), []byte(`{
			"version": "2.0",
			"rawPath": "/v1/ping",
			"headers": {"x-lambda-event-authorizer-scope": "ping"},
			"requestContext": {
				"http": {"method": "GET", "path": "/v1/ping"},
				"authorizer": {"jwt": {"claims": {"sub": "alice"}, "scopes": ["`+scope+`"]}}
			}
		}`))
		fmt.Println(strings.SplitN(string(answer), ",", 2)[0], err)
	}
	// Output:
	// {"statusCode":403 <nil>
	// {"statusCode":200 <nil>
}

// seeing is an EchoService that responds with the metadata of its call.
type seeing struct {
	testservice.EchoService
	seen chan metadata.MD
}

func (s seeing) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.seen <- md
	return s.EchoService.Echo(ctx, r)
}

// inProcess runs an event.Handler as a function, for a front door.
type inProcess struct{ *event.Handler }

func (p inProcess) Do(ctx context.Context, r emulator.Request) (emulator.Response, error) {
	answer, err := p.Invoke(ctx, r.Payload)
	return emulator.Response{Payload: answer}, err
}

func (inProcess) Stream(context.Context, emulator.Request) (*emulator.Stream, error) {
	panic("these tests do not stream")
}

func TestMetadata_ClientsCannotForgeIt(t *testing.T) {
	seen := make(chan metadata.MD, 1)
	svc, err := service.New(t.Context(), transport.InProcess(),
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
			testv1.RegisterEchoServiceHandlerClient, seeing{seen: seen}),
		service.WithReservedMetadata(eventmd.FromContext),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	for _, source := range frontdoor.Sources() {
		t.Run(string(source), func(t *testing.T) {
			door, err := frontdoor.New(inProcess{event.NewHandler(svc)}, source)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), "GET", "http://api.example/v1/echo/7", nil)
			for _, name := range []string{"source", "client-address", "authorizer-principal", "authorizer-claims", "authorizer-scope", "tenant-id", "made-up", "source-bin"} {
				for _, prefix := range []string{"x-lambda-event-", "X-Lambda-Event-", "x_lambda_event_", "Grpc-Metadata-X-Lambda-Event-", "grpc-metadata-x_lambda-event-", "Grpcgateway-X-Lambda-Event-"} {
					r.Header[prefix+name] = []string{"bWFsbG9yeQ=="}
				}
			}
			r.Header.Set("X-Golambdaproxy-Apigw-Context", `{"authorizer":{"principalId":"mallory"}}`)
			r.Header.Set("Connection", "x-lambda-event-source")
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			md := <-seen
			if got := md.Get(eventmd.Prefix + "source"); len(got) != 1 || !strings.HasPrefix(string(source), got[0]) {
				t.Errorf("source = %q, want only what the event says", got)
			}
			if got := md.Get(eventmd.Prefix + "client-address"); len(got) != 1 || got[0] != "192.0.2.1" {
				t.Errorf("client address = %q", got)
			}
			for key, values := range md {
				if strings.Contains(strings.Join(values, " "), "mallory") || strings.Contains(strings.Join(values, " "), "bWFsbG9yeQ") {
					t.Errorf("a forged value arrived: %s = %q", key, values)
				}
			}
		})
	}
}

func TestRequestIDOfAnEventIsLogged(t *testing.T) {
	var log strings.Builder
	svc, err := service.New(t.Context(), transport.InProcess(), append(testservice.Options(),
		service.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		service.WithReservedMetadata(func(context.Context) iter.Seq2[string, string] {
			return maps.All(map[string]string{eventmd.Prefix + "request-id": "of-the-platform"})
		}),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/ping", nil)
	r.Header.Set("X-Request-Id", "of-the-client")
	svc.ServeHTTP(httptest.NewRecorder(), r)
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "requestId=of-the-platform") {
		t.Errorf("log: %s", &log)
	}
}

func TestMetadataOfEventsIsReserved(t *testing.T) {
	if !strings.HasPrefix(eventmd.Prefix, service.ReservedPrefix) {
		t.Errorf("the keys of package event begin with %q, and clients can set what does not begin with %q", eventmd.Prefix, service.ReservedPrefix)
	}
}
