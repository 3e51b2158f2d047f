package service_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
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
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

const rpcPath = "/test.v1.EchoService/Echo"

// rpcBodies returns empty Echo requests in each format, by content type.
func rpcBodies() map[string]string {
	return map[string]string{
		"application/json":          "{}",
		"application/proto":         "",
		"application/grpc-web":      "\x00\x00\x00\x00\x00",
		"application/grpc-web-text": "AAAAAAA=",
	}
}

func newRPC(t *testing.T, f fake, options ...service.Option) *service.Service {
	t.Helper()
	svc, err := service.New(t.Context(), transport.InProcess(), append(bindAll(f), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	return svc
}

// callRPC makes a call and returns the status, and the whole response as
// text.
func callRPC(h http.Handler, path, contentType, body string, header http.Header) (int, string) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var all bytes.Buffer
	_ = w.Header().Write(&all)
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/grpc-web-text") {
		for text := w.Body.Bytes(); len(text) >= 4; text = text[4:] {
			decoded, _ := base64.StdEncoding.DecodeString(string(text[:4]))
			all.Write(decoded)
		}
	} else {
		all.Write(w.Body.Bytes())
	}
	return w.Code, all.String()
}

func TestWithRPC_NoClientSetsReservedMetadata(t *testing.T) {
	var got metadata.MD
	svc := newRPC(t, fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &testv1.EchoResponse{}, nil
	}}, quiet(), service.WithRPC(), service.WithRequestHeaders("X-Lambda-User", "X-Lambda-User-Bin"),
		service.WithReservedMetadata(func(context.Context) iter.Seq2[string, string] {
			return maps.All(map[string]string{"x-lambda-source": "here"})
		}))
	for contentType, body := range rpcBodies() {
		got = nil
		code, answer := callRPC(svc, rpcPath, contentType, body, http.Header{
			"X-Lambda-User": {"forged"}, "x-lambda-user": {"forged"}, "X_lambda_user": {"forged"}, "X-Lambda-User-Bin": {"AAAA"},
			"X-Lambda-Source": {"forged"}, "Grpc-Metadata-X-Lambda-User": {"forged"}, "Authorization": {"Bearer 1"}, "X-Request-Id": {"7"},
		})
		if code != 200 || got == nil {
			t.Fatalf("%s: %d %q", contentType, code, answer)
		}
		for key, values := range got {
			if strings.Contains(strings.ReplaceAll(key, "_", "-"), "lambda") && (key != "x-lambda-source" || len(values) != 1 || values[0] != "here") {
				t.Errorf("%s: the service sees %s: %q", contentType, key, values)
			}
		}
		if got.Get("authorization")[0] != "Bearer 1" || got.Get("x-request-id")[0] != "7" || got.Get("x-forwarded-for")[0] != "192.0.2.1" || got.Get("x-forwarded-host")[0] != "example.com" {
			t.Errorf("%s: the service sees %v", contentType, got)
		}
	}
}

func TestWithRPC_ForwardsTheSenderAsRESTDoes(t *testing.T) {
	var got metadata.MD
	svc := newRPC(t, fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &testv1.EchoResponse{}, nil
	}}, quiet(), service.WithRPC())
	for _, host := range []string{"", "example.com"} {
		var forwarded [2][]string
		for i, path := range []string{"/v1/echo/7", rpcPath} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
			r.Host = host
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Forwarded-Host", "forged.example")
			r.Header.Set("X-Forwarded-For", "1.1.1.1")
			w := httptest.NewRecorder()
			if svc.ServeHTTP(w, r); w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
			forwarded[i] = slices.Concat(got["x-forwarded-for"], got["x-forwarded-host"])
		}
		if !slices.Equal(forwarded[0], forwarded[1]) {
			t.Errorf("Host %q: REST forwards %q, Connect %q", host, forwarded[0], forwarded[1])
		}
	}
}

func TestWithRPC_MasksErrors(t *testing.T) {
	for _, code := range []codes.Code{codes.Internal, codes.Unknown, codes.DataLoss, codes.Code(99)} {
		var log buffer
		svc := newRPC(t, fake{echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			return nil, status.Error(code, "the password is 1234")
		}}, service.WithLogger(slog.New(slog.NewTextHandler(&log, nil))), service.WithRPC())
		for contentType, body := range rpcBodies() {
			if _, answer := callRPC(svc, rpcPath, contentType, body, nil); strings.Contains(answer, "1234") || !strings.Contains(answer, "failed") {
				t.Errorf("%v in %s: %q", code, contentType, answer)
			}
		}
		if text := log.String(); !strings.Contains(text, "1234") || !strings.Contains(text, "grpc.method="+rpcPath) {
			t.Errorf("%v: the log is %q", code, text)
		}
	}
}

func TestWithRPC_ExposesOnlyNamedServices(t *testing.T) {
	const ping = "/test.v1.PingService/Ping"
	for name, test := range map[string]struct {
		options []service.Option
		echo    int
		ping    int
	}{
		"nothing without it":    {nil, 404, 404},
		"all services":          {[]service.Option{service.WithRPC()}, 200, 200},
		"the one that is named": {[]service.Option{service.WithRPC("test.v1.EchoService")}, 200, 404},
	} {
		t.Run(name, func(t *testing.T) {
			svc := newRPC(t, fake{}, append(test.options, quiet())...)
			for path, want := range map[string]int{rpcPath: test.echo, ping: test.ping, "/grpc.health.v1.Health/Check": 404} {
				if code, answer := callRPC(svc, path, "application/json", "{}", nil); code != want {
					t.Errorf("%s: %d %q, want %d", path, code, answer, want)
				}
			}
			response := httptest.NewRecorder()
			svc.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
			if response.Code != 200 {
				t.Errorf("%d from the gateway", response.Code)
			}
		})
	}
	_, err := service.New(t.Context(), transport.InProcess(), append(bindAll(fake{}), service.WithRPC("test.v1.Echo"))...)
	if err == nil || !strings.Contains(err.Error(), `"test.v1.Echo"`) || !strings.Contains(err.Error(), "test.v1.EchoService") {
		t.Errorf("error %v, want one that names the service and those that are bound", err)
	}
}

func TestWithRPC_PassesOnTheResponseHeadersOfTheGateway(t *testing.T) {
	svc := newRPC(t, fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-cost", "in-header", "x-secret", "in-secret", "retry-after", "in-retry"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-cost", "in-trailer", "x-secret", "in-secret"))
		return &testv1.EchoResponse{}, nil
	}}, quiet(), service.WithRPC(), service.WithResponseHeaders("X-Cost"))
	for contentType, body := range rpcBodies() {
		_, answer := callRPC(svc, rpcPath, contentType, body, nil)
		for want, in := range map[string]bool{"in-header": true, "in-trailer": true, "in-retry": true, "in-secret": false} {
			if strings.Contains(answer, want) != in {
				t.Errorf("%s: %q in the response is %v, want %v:\n%q", contentType, want, !in, in, answer)
			}
		}
	}
}

func TestWithRPC_CORS(t *testing.T) {
	svc := newRPC(t, fake{}, quiet(), service.WithRPC(), service.WithCORS("https://app.example.com"), service.WithResponseHeaders("X-Cost"))
	r := httptest.NewRequest(http.MethodOptions, rpcPath, nil)
	r.Header = http.Header{
		"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"POST"},
		"Access-Control-Request-Headers": {"connect-protocol-version,connect-timeout-ms,content-type,grpc-timeout,x-grpc-web,x-user-agent"},
	}
	w := httptest.NewRecorder()
	svc.ServeHTTP(w, r)
	if w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" || w.Header().Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	_, answer := callRPC(svc, rpcPath, "application/json", "{}", http.Header{"Origin": {"https://app.example.com"}})
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "X-Cost", "Trailer-X-Cost"} {
		if !strings.Contains(answer, name) {
			t.Errorf("%s is not exposed in %q", name, answer)
		}
	}
}

func TestWithBodyLimits(t *testing.T) {
	svc := newRPC(t, fake{echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: strings.Repeat("x", 1000)}, nil
	}}, quiet(), service.WithRPC(), service.WithBodyLimits(
		func(context.Context) int { return 500 },
		func(context.Context) error { return io.ErrNoProgress },
	))
	for contentType, body := range rpcBodies() {
		want := "resource_exhausted"
		switch contentType {
		case "application/proto", "application/grpc-web":
			want = io.ErrNoProgress.Error()
		case "application/grpc-web-text":
			want = "8" // of ResourceExhausted
		}
		if _, answer := callRPC(svc, rpcPath, contentType, body, nil); !strings.Contains(answer, want) {
			t.Errorf("%s: %q, want %q in it", contentType, answer, want)
		}
	}
}
