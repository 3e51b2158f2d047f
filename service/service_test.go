package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/metrics"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) {
	logGRPC()
	goleak.VerifyTestMain(m)
}

// fake is an EchoService whose methods a test can replace.
type fake struct {
	testservice.EchoService
	echo   func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error)
	stream func(*testv1.EchoStreamRequest, grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error
}

func (f fake) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	if f.echo != nil {
		return f.echo(ctx, r)
	}
	return f.EchoService.Echo(ctx, r)
}

func (f fake) EchoStream(r *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
	if f.stream != nil {
		return f.stream(r, s)
	}
	return f.EchoService.EchoStream(r, s)
}

func bindAll(f fake) []service.Option {
	return []service.Option{
		service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient, testv1.RegisterPingServiceHandlerClient, testservice.PingService{}),
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient, testv1.RegisterEchoServiceHandlerClient, f),
	}
}

// buffer is a JSON log.
type buffer struct{ testlog.Buffer }

// lines returns the records of a JSON log with the given message, or all
// records if msg is empty.
func (b *buffer) lines(t *testing.T, msg string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if record["msg"] == msg || msg == "" {
			found = append(found, record)
		}
	}
	return found
}

func start(t *testing.T, tr transport.Transport, log io.Writer, opts ...service.Option) *service.Service {
	t.Helper()
	if log == nil {
		log = io.Discard
	}
	opts = append(opts, service.WithLogger(slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	s, err := service.New(t.Context(), tr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// quiet returns an option that discards the log.
func quiet() service.Option { return service.WithLogger(slog.New(slog.DiscardHandler)) }

// each runs test once for every transport.
func each(t *testing.T, test func(*testing.T, transport.Transport)) {
	for _, name := range []string{"unix", "bufconn", "inproc", "tcp"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, err := transport.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			test(t, tr)
		})
	}
}

// response is an HTTP response as a client sees it.
type response struct {
	code   int
	body   string
	header http.Header
}

// fields decodes the body, whose white space varies.
func (a response) fields(t *testing.T) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v in %.200q", err, a.body)
	}
	return m
}

// call sends a request. header alternates names and values.
func call(t *testing.T, h http.Handler, method, target, body string, header ...string) response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return response{w.Code, w.Body.String(), w.Result().Header}
}

func TestPingAndEcho(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		s := start(t, tr, nil, bindAll(fake{})...)
		if got := call(t, s, "GET", "/v1/ping", ""); got.code != 200 || got.body != `{"message":"Pong"}` {
			t.Errorf("ping: %+v", got)
		}
		got := call(t, s, "POST", "/v1/echo/7", `{"text":"héllo","tags":["a","b"],"number":"9007199254740993","data":"AP8="}`)
		want := map[string]any{
			"id": "7", "text": "héllo", "tags": []any{"a", "b"}, "number": "9007199254740993", "data": "AP8=", "time": nil, "nested": nil,
		}
		if diff := cmp.Diff(want, got.fields(t)); got.code != 200 || diff != "" {
			t.Errorf("echo: %d, -want +got:\n%s", got.code, diff)
		}
		got = call(t, s, "GET", "/v1/echo/7/stream?count=3&interval=1ms", "")
		if lines := strings.Split(strings.TrimSpace(got.body), "\n"); got.code != 200 || len(lines) != 3 {
			t.Errorf("stream: %+v, want three lines", got)
		}
		if got := call(t, s, "GET", "/healthz", ""); got.code != 200 || strings.TrimSpace(got.body) != `{"status":"SERVING"}` {
			t.Errorf("healthz: %+v", got)
		}
		if got := call(t, s, "GET", "/healthz?service=test.v1.PingService", ""); got.code != 200 {
			t.Errorf("healthz of a service: %+v", got)
		}
		if s.Transport() != tr.Name() {
			t.Errorf("Transport() = %q, want %q", s.Transport(), tr.Name())
		}
	})
}

func TestUserInterceptorsSeeEveryCall(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var mu sync.Mutex
		seen := map[string]int{}
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			seen[s]++
		}
		s := start(t, tr, nil, append(bindAll(fake{}),
			service.WithUnaryInterceptors(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				note(info.FullMethod)
				return next(ctx, req)
			}),
			service.WithStreamInterceptors(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
				note(info.FullMethod)
				return next(srv, stream)
			}))...)
		for range 3 {
			call(t, s, "GET", "/v1/ping", "")
			call(t, s, "GET", "/v1/echo/7", "")
			call(t, s, "GET", "/v1/echo/7/stream?count=1", "")
		}
		for _, method := range []string{"PingService/Ping", "EchoService/Echo", "EchoService/EchoStream"} {
			if seen["/test.v1."+method] != 3 {
				t.Errorf("%s was seen %d times, want 3", method, seen["/test.v1."+method])
			}
		}
	})
}

func TestPanicIsAnInternalErrorWithItsStackInTheLog(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var log buffer
		s := start(t, tr, &log, bindAll(fake{
			echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
				panic("secret of unary")
			},
			stream: func(*testv1.EchoStreamRequest, grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
				panic("secret of stream")
			},
		})...)
		for _, target := range []string{"/v1/echo/7", "/v1/echo/7/stream"} {
			got := call(t, s, "GET", target, "")
			if got.code != 500 || strings.Contains(got.body, "secret") || !strings.Contains(got.body, "Internal") {
				t.Errorf("%s: %+v, want a 500 that keeps the secret", target, got)
			}
		}
		panics := log.lines(t, "panic in a handler")
		if len(panics) != 2 {
			t.Fatalf("%d panics in the log, want 2:\n%s", len(panics), &log)
		}
		for _, p := range panics {
			if !strings.Contains(p["panic"].(string), "secret of") || !strings.Contains(p["stack"].(string), "service_test.go") {
				t.Errorf("log of the panic: %v", p)
			}
		}
		if got := call(t, s, "GET", "/v1/ping", ""); got.code != 200 {
			t.Errorf("the next call: %+v", got)
		}
	})
}

func TestErrorsHideOperatorMessagesFromTheClient(t *testing.T) {
	for name, test := range map[string]struct {
		err       error
		code      int
		body      string
		withheld  bool
		wantLevel string
	}{
		"Internal":          {status.Error(codes.Internal, "dsn=secret"), 500, "failed to answer: Internal", true, "ERROR"},
		"no status at all":  {errors.New("dsn=secret"), 500, "failed to answer: Unknown", true, "ERROR"},
		"DataLoss":          {status.Error(codes.DataLoss, "dsn=secret"), 500, "failed to answer: DataLoss", true, "ERROR"},
		"an undefined code": {status.Error(200, "dsn=secret"), 500, "failed to answer: Unknown", true, "ERROR"},
		"NotFound":          {status.Error(codes.NotFound, "no such thing"), 404, "no such thing", false, "INFO"},
		"InvalidArgument":   {status.Error(codes.InvalidArgument, "bad thing"), 400, "bad thing", false, "INFO"},
		"Unavailable":       {status.Error(codes.Unavailable, "come back"), 503, "come back", false, "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			var log buffer
			s := start(t, transport.Bufconn(), &log, bindAll(fake{
				echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) { return nil, test.err },
				stream: func(_ *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
					return errors.Join(s.Send(&testv1.EchoStreamResponse{}), test.err)
				},
			})...)
			got := call(t, s, "GET", "/v1/echo/7", "", "X-Request-Id", "the-id")
			if got.code != test.code || !strings.Contains(got.body, test.body) || strings.Contains(got.body, "secret") {
				t.Errorf("answer: %+v", got)
			}
			finished := log.lines(t, "finished call")
			if len(finished) != 1 || finished[0]["level"] != test.wantLevel {
				t.Fatalf("log: %v, want one line at %s", finished, test.wantLevel)
			}
			for key, want := range map[string]any{
				"grpc.method": "Echo", "grpc.code": status.Code(test.err).String(), "transport": "bufconn", "requestId": "the-id",
			} {
				if finished[0][key] != want {
					t.Errorf("log: %s = %v, want %v", key, finished[0][key], want)
				}
			}
			if _, ok := finished[0]["grpc.time_ms"].(float64); !ok {
				t.Errorf("log: no duration: %v", finished[0])
			}
			withheld := log.lines(t, "error message withheld from the client")
			if test.withheld != (len(withheld) == 1) {
				t.Errorf("%d lines say what was withheld: %v", len(withheld), withheld)
			}
			if got := call(t, s, "GET", "/v1/echo/7/stream", ""); strings.Contains(got.body, "secret") || !strings.Contains(got.body, `"error"`) {
				t.Errorf("stream: %+v", got)
			}
			client := testv1.NewEchoServiceClient(dial(t, s))
			_, err := client.Echo(t.Context(), &testv1.EchoRequest{})
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("gRPC: %v", err)
			}
			stream, err := client.EchoStream(t.Context(), &testv1.EchoStreamRequest{})
			for err == nil {
				_, err = stream.Recv()
			}
			if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "secret") {
				t.Errorf("gRPC stream: %v", err)
			}
			// The finished calls of gRPC clients have the message.
			if n := len(log.lines(t, "error message withheld from the client")); test.withheld && n != 2 {
				t.Errorf("%d lines say what was withheld, want those of the two HTTP requests", n)
			}
		})
	}
}

// An error of Service.Conn has a message for clients, but not what a handler adds.
func TestServeGRPC_MasksWhatAHandlerAddsToAnError(t *testing.T) {
	var log buffer
	var s *service.Service
	s = start(t, transport.Bufconn(), &log, bindAll(fake{
		echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			_, err := testv1.NewEchoServiceClient(s.Conn()).Echo(ctx, &testv1.EchoRequest{Text: "\xff"})
			return nil, fmt.Errorf("dsn=secret: %w", err)
		},
	})...)
	_, err := testv1.NewEchoServiceClient(dial(t, s)).Echo(t.Context(), &testv1.EchoRequest{})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "secret"); n != 1 {
		t.Errorf("the message is in the log %d times, want once:\n%s", n, &log)
	}
}

func TestErrorsThatAreNotMaskedKeepTheirDetails(t *testing.T) {
	for _, code := range []codes.Code{codes.FailedPrecondition, codes.Unauthenticated} {
		want, err := status.New(code, "for the client").WithDetails(&errdetails.ErrorInfo{Reason: "TOKEN_EXPIRED"})
		if err != nil {
			t.Fatal(err)
		}
		s := start(t, transport.Bufconn(), nil, bindAll(fake{
			echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) { return nil, want.Err() },
		})...)
		if got := call(t, s, "GET", "/v1/echo/7", ""); !strings.Contains(got.body, "TOKEN_EXPIRED") {
			t.Errorf("%v over REST: %s", code, got.body)
		}
		_, err = testv1.NewEchoServiceClient(dial(t, s)).Echo(t.Context(), &testv1.EchoRequest{})
		if got := status.Convert(err); !proto.Equal(got.Proto(), want.Proto()) {
			t.Errorf("%v over gRPC: %v, want %v", code, got, want)
		}
	}
}

func TestServeGRPC_LogsWhatItWithholdsOfAHealthCheck(t *testing.T) {
	var log buffer
	s := start(t, transport.Bufconn(), &log, append(bindAll(fake{}), service.WithInterceptedHealth(), service.WithUnaryInterceptors(
		func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return nil, status.Error(codes.Internal, "dsn=secret")
		}))...)
	_, err := grpc_health_v1.NewHealthClient(dial(t, s)).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "secret"); n != 1 {
		t.Errorf("the message is in the log %d times, want once:\n%s", n, &log)
	}
}

// okError is an error whose status is OK.
type okError struct{}

func (okError) Error() string              { return "OK" }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

// An interceptor outside the Service's may log the error.
func TestServeGRPC_AMaskedErrorHasAText(t *testing.T) {
	var text string
	s := start(t, transport.Bufconn(), nil, bindAll(fake{
		echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) { return nil, okError{} },
	})...)
	_, _ = testv1.NewEchoServiceClient(dial(t, s, grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			reply, err := next(ctx, req)
			text = fmt.Sprint(err) // recovers
			return reply, err
		}))).Echo(t.Context(), &testv1.EchoRequest{})
	if want := "rpc error: code = OK desc = "; text != want {
		t.Errorf("the text is %q, want %q", text, want)
	}
}

func TestOnlyListedHeadersPass(t *testing.T) {
	var got metadata.MD
	s := start(t, transport.Bufconn(), nil, append(bindAll(fake{
		echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			got, _ = metadata.FromIncomingContext(ctx)
			_ = grpc.SetHeader(ctx, metadata.Pairs("x-leak", "1", "retry-after", "5", "x-shown", "yes"))
			_ = grpc.SetTrailer(ctx, metadata.Pairs("x-leak-too", "1"))
			return &testv1.EchoResponse{}, nil
		},
	}), service.WithRequestHeaders("X-Tenant"), service.WithResponseHeaders("x-shown"))...)
	a := call(t, s, "GET", "http://real.example/v1/echo/7", "",
		"Authorization", "Bearer x", "X-Tenant", "t", "x-request-id", "r", "Traceparent", "tp", "User-Agent", "ua",
		"Grpc-Metadata-Admin", "1", "Cookie", "c=1", "X-Forwarded-Host", "forged.example", "X-Forwarded-For", "1.1.1.1", "TE", "trailers")
	for key, want := range map[string]string{
		"authorization": "Bearer x", "x-tenant": "t", "x-request-id": "r", "traceparent": "tp", "grpcgateway-user-agent": "ua",
		"admin": "", "cookie": "", "grpcgateway-cookie": "", "grpc-metadata-admin": "",
		"x-forwarded-host": "real.example", "x-forwarded-for": "1.1.1.1, 192.0.2.1",
	} {
		if have := strings.Join(got.Get(key), "|"); have != want {
			t.Errorf("metadata %s = %q, want %q", key, have, want)
		}
	}
	for name, want := range map[string]string{
		"Retry-After": "5", "X-Shown": "yes", "X-Leak": "", "Grpc-Metadata-X-Leak": "", "Grpc-Metadata-Content-Type": "",
		"Grpc-Trailer-X-Leak-Too": "", "Trailer": "",
	} {
		if have := a.header.Get(name); have != want {
			t.Errorf("response header %s = %q, want %q", name, have, want)
		}
	}
}

// dial serves s on TCP and connects to it.
func dial(t *testing.T, s *service.Service, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.ServeGRPC(ctx, l, options...) }()
	client := connect(t, "passthrough:///"+l.Addr().String())
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("ServeGRPC: %v", err)
		}
	})
	return client
}

// connect returns a gRPC client that is independent of any Service.
func connect(t *testing.T, target string) *grpc.ClientConn {
	t.Helper()
	client, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestReflectionIsAnOption(t *testing.T) {
	for _, on := range []bool{false, true} {
		opts := bindAll(fake{})
		if on {
			opts = append(opts, service.WithReflection(reflection.Register))
		}
		s := start(t, transport.InProcess(), nil, opts...)
		stream, err := grpc_reflection_v1.NewServerReflectionClient(dial(t, s)).ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
		r, err := stream.Recv()
		if on && (err != nil || !strings.Contains(r.String(), "test.v1.EchoService")) {
			t.Errorf("with reflection: %v, %v", r, err)
		}
		if !on && status.Code(err) != codes.Unimplemented {
			t.Errorf("without: %v, %v, want Unimplemented", r, err)
		}
		_ = stream.CloseSend()
	}
}

func TestHeadIsGetWithoutItsBody(t *testing.T) {
	s := start(t, transport.Bufconn(), nil, bindAll(fake{})...)
	get, head := call(t, s, "GET", "/v1/ping", ""), call(t, s, "HEAD", "/v1/ping", "")
	if head.code != get.code || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
		t.Errorf("HEAD: %+v, GET: %+v", head, get)
	}
	if got := call(t, s, "HEAD", "/v1/echo/7/stream?count=2", ""); got.code != 200 || got.body != "" {
		t.Errorf("HEAD of a stream: %+v", got)
	}
}

func TestMethodCannotBeOverridden(t *testing.T) {
	s := start(t, transport.Bufconn(), nil, bindAll(fake{})...)
	got := call(t, s, "POST", "/v1/ping", "a=b", "Content-Type", "application/x-www-form-urlencoded", "X-HTTP-Method-Override", "GET")
	if got.code != http.StatusNotImplemented {
		t.Errorf("a POST taken for a GET: %+v", got)
	}
}

func TestLargestLambdaRequestIsAccepted(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		s := start(t, tr, nil, bindAll(fake{})...)
		text := strings.Repeat("x", 6<<20)
		got := call(t, s, "POST", "/v1/echo/7", `{"text":"`+text+`"}`)
		if got.code != 200 || !strings.Contains(got.body, text) {
			t.Errorf("6 MiB: %d %.200s", got.code, got.body)
		}
		if tr.Name() != "unix" && tr.Name() != "inproc" {
			return // the same limit, of the same HTTP/2
		}
		got = call(t, s, "POST", "/v1/echo/7", `{"text":"`+strings.Repeat("x", 33<<20)+`"}`)
		if got.code != 429 || !strings.Contains(got.body, "larger than max, which is 33554432 bytes") {
			t.Errorf("33 MiB: %d %.200s, want the limit's 429", got.code, got.body)
		}
	})
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	opts := append(bindAll(fake{}), metrics.WithRegisterer(registry))
	s := start(t, transport.FirstOf(transport.Unix("/nonexistent"), transport.Bufconn()), nil, opts...)
	call(t, s, "GET", "/v1/ping", "")
	call(t, s, "GET", "/v1/echo/7/stream?count=-1", "")
	want := `
# HELP grpc_gateway_transport_info Always 1; the label names the transport between the gateway and the gRPC server.
# TYPE grpc_gateway_transport_info gauge
grpc_gateway_transport_info{transport="bufconn"} 1
# HELP grpc_server_handled_total Total number of RPCs completed on the server, regardless of success or failure.
# TYPE grpc_server_handled_total counter
grpc_server_handled_total{grpc_code="InvalidArgument",grpc_method="EchoStream",grpc_service="test.v1.EchoService",grpc_type="server_stream"} 1
grpc_server_handled_total{grpc_code="OK",grpc_method="Ping",grpc_service="test.v1.PingService",grpc_type="unary"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "grpc_gateway_transport_info", "grpc_server_handled_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "grpc_server_handling_seconds"); err != nil || n != 2 {
		t.Errorf("%d latency histograms, %v, want 2", n, err)
	}
	if _, err := service.New(t.Context(), transport.Bufconn(), opts...); err == nil {
		t.Error("a second Service on the same registry: no error")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	again, err := service.New(t.Context(), transport.Bufconn(), opts...)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

func TestCORS(t *testing.T) {
	preflight := []string{"Origin", "https://app.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}
	s := start(t, transport.Bufconn(), nil, append(bindAll(fake{}), service.WithCORS("https://app.example.com"))...)
	got := call(t, s, "OPTIONS", "/v1/echo/7", "", preflight...)
	if got.code != 204 || got.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || got.header.Get("Access-Control-Allow-Methods") != "POST" {
		t.Errorf("preflight: %+v", got)
	}
	if got := call(t, s, "GET", "/v1/ping", "", "Origin", "https://evil.example"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %+v", got)
	}
	off := start(t, transport.Bufconn(), nil, bindAll(fake{})...)
	if got := call(t, off, "OPTIONS", "/v1/echo/7", "", preflight...); got.code != 501 || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without WithCORS: %+v", got)
	}
	for _, origin := range []string{"app.example.com", "https://app.example.com/", "https://*.*.com", ""} {
		if _, err := service.New(t.Context(), transport.Bufconn(), service.WithCORS(origin)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", origin)) {
			t.Errorf("origin %q: error %v", origin, err)
		}
	}
}

func TestThousandConcurrentRequestsKeepTheirPayloads(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		s := start(t, tr, nil, bindAll(fake{})...)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				text := strings.Repeat(string(rune('a'+i%26)), 100+i)
				got := call(t, s, "POST", fmt.Sprintf("/v1/echo/%d", i), `{"text":"`+text+`"}`)
				var m struct{ ID, Text string }
				if err := json.Unmarshal([]byte(got.body), &m); err != nil || got.code != 200 || m.ID != fmt.Sprint(i) || m.Text != text {
					t.Errorf("%d: %v, %d %.80s", i, err, got.code, got.body)
				}
			})
		}
		wg.Wait()
	})
}

func TestCloseLetsCallsInFlightFinishAndRefusesNewOnes(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		started, release := make(chan struct{}), make(chan struct{})
		s := start(t, tr, nil, bindAll(fake{
			echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
				started <- struct{}{}
				<-release
				return &testv1.EchoResponse{Id: "done"}, nil
			},
		})...)
		client := dial(t, s)
		results := make(chan string, 2)
		go func() { results <- call(t, s, "GET", "/v1/echo/7", "").body }()
		go func() {
			r, err := testv1.NewEchoServiceClient(client).Echo(t.Context(), &testv1.EchoRequest{})
			results <- fmt.Sprint(r.GetId(), err)
		}()
		<-started
		<-started
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		close(release)
		for range 2 {
			if got := <-results; !strings.Contains(got, "done") {
				t.Errorf("a call in flight: %s", got)
			}
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if got := call(t, s, "GET", "/v1/ping", ""); got.code < 499 {
			t.Errorf("after Close: %+v", got)
		}
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ServeGRPC(t.Context(), l); !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("ServeGRPC after Close: %v", err)
		}
	})
}
