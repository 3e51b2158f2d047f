package event_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// inThisProcess runs a function without a process of its own.
type inThisProcess struct{ *event.Handler }

func (f inThisProcess) Do(ctx context.Context, r emulator.Request) (emulator.Response, error) {
	answer, err := f.Invoke(ctx, r.Payload)
	return emulator.Response{Payload: answer}, err
}

func (inThisProcess) Stream(context.Context, emulator.Request) (*emulator.Stream, error) {
	return nil, errors.ErrUnsupported
}

// large is an Echo service whose responses have a size of their own.
type large struct {
	testservice.EchoService
	size int
}

func (l large) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	response, err := l.EchoService.Echo(ctx, r)
	response.Data = make([]byte, l.size)
	for i := range response.GetData() {
		response.Data[i] = 0xff
	}
	return response, err
}

// newDoor serves Echo through a source, with RPCs.
func newDoor(t *testing.T, size int, source frontdoor.Source, options ...frontdoor.Option) *httptest.Server {
	t.Helper()
	svc, err := service.New(t.Context(), transport.InProcess(),
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
			testv1.RegisterEchoServiceHandlerClient, large{size: size}),
		service.WithRPC(),
		service.WithBodyLimits(event.MaxResponseBytes, event.BinaryRefused),
		service.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	door, err := frontdoor.New(inThisProcess{event.NewHandler(svc)}, source, options...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door)
	t.Cleanup(func() {
		server.Close()
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func TestMaxResponseBytes_IsResourceExhaustedInEveryProtocol(t *testing.T) {
	for _, source := range frontdoor.Sources() {
		for name, options := range map[string][]client.Option{"Connect": nil, "JSON": {client.WithJSON()}, "gRPC-Web": {client.WithGRPCWeb()}} {
			t.Run(string(source)+" with "+name, func(t *testing.T) {
				for size, want := range map[int]codes.Code{5_000_000: codes.ResourceExhausted, 500_000: codes.OK} {
					conn, err := client.New(newDoor(t, size, source).URL, options...)
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					_, err = testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{Text: "x"})
					if status.Code(err) != want {
						t.Errorf("%d bytes: %v, want %v", size, err, want)
					}
					if want != codes.OK && !strings.Contains(status.Convert(err).Message(), "response") {
						t.Errorf("the error is %q", err)
					}
				}
			})
		}
	}
	if got := event.MaxResponseBytes(t.Context()); got != 0 {
		t.Errorf("%d outside of an invocation", got)
	}
}

func TestBinaryRefused_OnARESTAPIWithoutBinaryMediaTypes(t *testing.T) {
	server := newDoor(t, 1, frontdoor.RESTAPI, frontdoor.WithBinaryMediaTypes())
	frame := "\x00\x00\x00\x00\x04\x12\x02\xc3\xa9" // text: "é"
	for name, test := range map[string]struct {
		contentType, body string
		want              []string
	}{
		"JSON":             {"application/json", `{"text":"é"}`, []string{"200", "é"}},
		"gRPC-Web in text": {"application/grpc-web-text", base64.StdEncoding.EncodeToString([]byte(frame)), []string{"200", "application/grpc-web-text"}},
		"protobuf":         {"application/proto", frame[5:], []string{"501", `"unimplemented"`, "binaryMediaTypes"}},
		"gRPC-Web":         {"application/grpc-web", frame, []string{"200", "Grpc-Status:[12]", "binaryMediaTypes"}},
		"a Connect stream": {"application/connect+json", frame, []string{"415", "binaryMediaTypes"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/test.v1.EchoService/Echo", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {test.contentType}, "Accept-Encoding": {"gzip"}, "Accept": {"*/*"}}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join([]string{response.Status, header(response.Header), string(body)}, "\n")
			for _, want := range test.want {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not in %s", want, all)
				}
			}
		})
	}
}

// header returns h as text.
func header(h http.Header) string {
	var b strings.Builder
	for name, values := range h {
		b.WriteString(name + ":[" + strings.Join(values, " ") + "] ")
	}
	return b.String()
}
