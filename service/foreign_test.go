package service_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestOnlyStatusesOfHandlersReachTheClient(t *testing.T) {
	type row struct {
		fails     string // who
		code      codes.Code
		http      int
		shown     string
		withheld  string
		wantInLog string
	}
	const path = "/tmp/secret/s"
	var rows []row
	for code, http := range map[codes.Code]int{
		codes.Unavailable: 503, codes.Canceled: 499, codes.ResourceExhausted: 429, codes.DeadlineExceeded: 504, codes.Unimplemented: 501, codes.Aborted: 409,
	} {
		rows = append(rows,
			row{"handler", code, http, "as the handler says", "", ""},
			row{"interceptor", code, http, "as the handler says", "", ""},
			row{"transport", code, http, "", path, path})
	}
	for _, code := range []codes.Code{codes.Internal, codes.Unknown, codes.DataLoss} {
		rows = append(rows, row{"handler", code, 500, "failed to answer", "handler says", "as the handler says"}, row{"transport", code, 500, "failed to answer", path, path})
	}
	each(t, func(t *testing.T, tr transport.Transport) {
		for _, r := range rows {
			for _, target := range []string{"/v1/echo/7", "/v1/echo/7/stream"} {
				var log buffer
				failing := func(who string) error {
					if who == r.fails {
						return status.Error(r.code, "as the handler says")
					}
					return nil
				}
				broken := tr
				if r.fails == "transport" {
					broken = brokenTransport{tr, status.Error(r.code, "connection error: dial unix "+path)}
				}
				s := start(t, broken, &log, append(bindAll(fake{
					echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
						return &testv1.EchoResponse{}, failing("handler")
					},
					stream: func(*testv1.EchoStreamRequest, grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
						return failing("handler")
					},
				}), service.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
					if err := failing("interceptor"); err != nil {
						return nil, err
					}
					return next(ctx, req)
				}), service.WithStreamInterceptors(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
					if err := failing("interceptor"); err != nil {
						return err
					}
					return next(srv, stream)
				}))...)
				got := call(t, s, "GET", target, "", "TE", "trailers")
				name := fmt.Sprintf("%s, %s of the %s", target, r.code, r.fails)
				if !strings.Contains(got.body, r.shown) || r.withheld != "" && strings.Contains(got.body, r.withheld) || got.code != r.http {
					t.Errorf("%s: %+v", name, got)
				}
				if strings.Contains(fmt.Sprint(got), "service-handler-error") {
					t.Errorf("%s: the mark is shown: %+v", name, got)
				}
				if !strings.Contains(log.String(), r.wantInLog) {
					t.Errorf("%s: log lacks %q:\n%s", name, r.wantInLog, &log)
				}
				if n := strings.Count(log.String(), "withheld"); (n == 1) != (r.wantInLog != "") || n > 1 {
					t.Errorf("%s: %d lines say what was withheld:\n%s", name, n, &log)
				}
			}
		}
	})
}

// brokenTransport is a transport that opens but fails each call.
type brokenTransport struct {
	transport.Transport
	err error
}

func (b brokenTransport) Open(ctx context.Context, s transport.ServerConfig) (transport.Conn, error) {
	conn, err := b.Transport.Open(ctx, s)
	return brokenConn{conn, b.err}, err
}

type brokenConn struct {
	transport.Conn
	err error
}

func (b brokenConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return b.err }

func (b brokenConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, b.err
}

func TestErrorOfABrokenTransportIsMasked(t *testing.T) {
	dir := t.TempDir()
	var log buffer
	started := make(chan struct{})
	s := start(t, transport.Unix(dir), &log, append(bindAll(fake{
		stream: func(_ *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
			close(started)
			<-s.Context().Done()
			return s.Context().Err()
		},
	}), service.WithServer(func(s *transport.ServerConfig) { s.DrainTimeout = time.Millisecond }))...)
	answered := make(chan response)
	go func() { answered <- call(t, s, "GET", "/v1/echo/7/stream", "") }()
	<-started
	_ = s.Close() // fails if the handler takes longer than a millisecond
	for _, got := range []response{<-answered, call(t, s, "GET", "/v1/ping", "")} {
		if got.code == 200 || strings.Contains(got.body, dir) || strings.Contains(got.body, "transport") || strings.Contains(got.body, "grpc:") {
			t.Errorf("%+v", got)
		}
	}
}

func TestClientTextIsBoundedInTheLog(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var log buffer
		ids := make(chan []string, 10)
		s := start(t, tr, &log, bindAll(fake{
			echo: func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
				ids <- metadata.ValueFromIncomingContext(ctx, "x-request-id")
				switch r.GetId() {
				case "panic":
					panic(r.GetText())
				case "internal":
					return nil, errors.New(r.GetText())
				}
				return nil, status.Error(codes.NotFound, r.GetText())
			},
		})...)
		const size = 60 << 10
		long := strings.Repeat("é", size/2)
		client := testv1.NewEchoServiceClient(dial(t, s))
		for _, id := range []string{"panic", "internal", "status"} {
			answer := call(t, s, "POST", "/v1/echo/"+id, `{"text":"`+long+`"}`, "X-Request-Id", strings.Repeat("i", size), "User-Agent", long, "X-Forwarded-For", strings.Repeat("f", size))
			if len(ids) != 1 {
				t.Fatalf("%s: the service was not called: %d %.200s", id, answer.code, answer.body)
			}
			if got := <-ids; len(got) != 1 || got[0] != strings.Repeat("i", 128) {
				t.Errorf("the service sees ids of %d bytes", len(strings.Join(got, "")))
			}
			ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", strings.Repeat("i", size), "x-request-id", strings.Repeat("j", size))
			if _, err := client.Echo(ctx, &testv1.EchoRequest{Id: id, Text: long}); err == nil {
				t.Errorf("%s: no error", id)
			}
			if len(ids) != 1 {
				t.Fatalf("%s: the service was not called over gRPC", id)
			}
			if got := <-ids; len(got) != 2 || got[0] != strings.Repeat("i", 128) || got[1] != strings.Repeat("j", 128) {
				t.Errorf("over gRPC the service sees ids of %d bytes", len(strings.Join(got, "")))
			}
		}
		if n := len(log.lines(t, "finished call")); n != 6 {
			t.Errorf("%d lines, want 6", n)
		}
		for line := range strings.Lines(log.String()) {
			if len(line) > 16<<10 {
				t.Errorf("a line of %d bytes: %.200s", len(line), line)
			}
		}
	})
}

func TestHeadersThatCannotBeMetadataAreDropped(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var got metadata.MD
		s := start(t, tr, nil, append(bindAll(fake{
			echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
				got, _ = metadata.FromIncomingContext(ctx)
				return &testv1.EchoResponse{}, nil
			},
		}), service.WithRequestHeaders("X-Own"))...)
		for _, value := range []string{"ü", "\xfc", "a\x00b", "a\tb", "a\x7fb"} {
			r := httptest.NewRequest(http.MethodGet, "/v1/echo/7", nil)
			for _, name := range []string{"Accept-Language", "Authorization", "User-Agent", "X-Own", "X-Request-Id", "Traceparent", "X-Forwarded-For", "Cookie"} {
				r.Header[name] = []string{value, "valid"}
			}
			r.Host = value
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Fatalf("%q: %d %s", value, w.Code, w.Body)
			}
			for _, key := range []string{"grpcgateway-accept-language", "authorization", "grpcgateway-user-agent", "x-own", "x-request-id", "traceparent"} {
				if have := got.Get(key); len(have) != 1 || have[0] != "valid" {
					t.Errorf("%q: metadata %s = %q, want what is valid", value, key, have)
				}
			}
			if have := got.Get("x-forwarded-for"); len(have) != 1 || have[0] != "valid, 192.0.2.1" {
				t.Errorf("%q: x-forwarded-for = %q", value, have)
			}
			if strings.Join(r.Header["X-Own"], "|") != value+"|valid" || r.Host != value {
				t.Errorf("%q: the caller's request was changed", value)
			}
		}
		for _, line := range grpcLog.lines(t, "") {
			if strings.Contains(line["msg"].(string), "HTTP header") {
				t.Errorf("grpc-gateway logged: %v", line)
			}
		}
	})
}

func FuzzRequestHeaders(f *testing.F) {
	s, err := service.New(f.Context(), transport.InProcess(), append(bindAll(fake{}), quiet(), service.WithRequestHeaders("X-Own", "X-Lambda-Own"))...)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	for _, name := range []string{"Accept-Language", "Authorization", "X-Own", "X-Forwarded-For", "X-Forwarded-Host", "Grpc-Metadata-X", "X_Lambda_Own", "Content-Length"} {
		f.Add(name, "ü", "host")
	}
	f.Fuzz(func(t *testing.T, name, value, host string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/ping", nil)
		r.Header[name] = []string{value}
		r.Header[http.CanonicalHeaderKey(name)] = []string{value, value}
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestLogGRPC(t *testing.T) {
	grpclog.Errorf("an error with %d", 42)
	grpclog.Warning("a warning")
	grpclog.Infoln("an", "information")
	for msg, want := range map[string]string{"an error with 42": "WARN", "a warning": "DEBUG", "an information": "DEBUG"} {
		if got := grpcLog.lines(t, msg); len(got) == 0 || got[0]["level"] != want || got[0]["logger"] != "grpc" {
			t.Errorf("%q: %v, want one at %s", msg, got, want)
		}
	}
	if grpclog.V(2) {
		t.Error("verbose messages are on")
	}
}

func denyUnary(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
	return nil, status.Error(codes.Unauthenticated, "who are you?")
}

func denyStream(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error {
	return status.Error(codes.Unauthenticated, "who are you?")
}

func TestHealthNeedsNoCredentials(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		for _, intercepted := range []bool{false, true} {
			opts := append(bindAll(fake{}), service.WithUnaryInterceptors(denyUnary), service.WithStreamInterceptors(denyStream),
				service.WithServer(func(s *transport.ServerConfig) {
					s.UnaryInterceptors = append(s.UnaryInterceptors, denyUnary)
					s.StreamInterceptors = append(s.StreamInterceptors, denyStream)
				}))
			want, wantHTTP := codes.OK, 200
			if intercepted {
				opts, want, wantHTTP = append(opts, service.WithInterceptedHealth()), codes.Unauthenticated, 401
			}
			s := start(t, tr, nil, opts...)
			for _, target := range []string{"/healthz", "/healthz?service=test.v1.EchoService"} {
				if got := call(t, s, "GET", target, ""); got.code != wantHTTP {
					t.Errorf("%s, intercepted %v: %+v", target, intercepted, got)
				}
			}
			if got := call(t, s, "GET", "/v1/ping", ""); got.code != 401 {
				t.Errorf("another service: %+v", got)
			}
			cc := dial(t, s)
			if _, err := testv1.NewPingServiceClient(cc).Ping(t.Context(), &testv1.PingRequest{}); status.Code(err) != codes.Unauthenticated {
				t.Errorf("another service over gRPC: %v", err)
			}
			health := grpc_health_v1.NewHealthClient(cc)
			r, err := health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			if status.Code(err) != want || err == nil && r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
				t.Errorf("Check, intercepted %v: %v, %v", intercepted, r, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			watch, err := health.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			r, err = watch.Recv()
			if status.Code(err) != want || err == nil && r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
				t.Errorf("Watch, intercepted %v: %v, %v", intercepted, r, err)
			}
			cancel()
		}
	})
}

// grpcLog holds what grpc-go and grpc-gateway have logged in this process.
var grpcLog buffer

func logGRPC() {
	service.LogGRPC(slog.New(slog.NewJSONHandler(&grpcLog, &slog.HandlerOptions{Level: slog.LevelDebug})))
}
