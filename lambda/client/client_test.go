package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an EchoService whose methods a test gives.
type fake struct {
	testv1.UnimplementedEchoServiceServer
	echo   func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error)
	stream func(*testv1.EchoStreamRequest, grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error
}

func (f fake) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	if f.echo == nil {
		return &testv1.EchoResponse{Text: r.GetText()}, nil
	}
	return f.echo(ctx, r)
}

func (f fake) EchoStream(r *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
	return f.stream(r, s)
}

// each sends a response for each request: with clientOnly, all texts in one.
func each(clientOnly bool) grpc.StreamHandler {
	return func(_ any, s grpc.ServerStream) error {
		_ = s.SetHeader(metadata.Pairs("x-header", "1"))
		s.SetTrailer(metadata.Pairs("x-trailer", "2", "x-trailer-bin", "\x00\xff"))
		var all []string
		for {
			var r testv1.EchoRequest
			err := s.RecvMsg(&r)
			switch {
			case errors.Is(err, io.EOF) && clientOnly:
				return s.SendMsg(&testv1.EchoResponse{Text: strings.Join(all, "+")})
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			case clientOnly:
				all = append(all, r.GetText())
			default:
				if err := s.SendMsg(&testv1.EchoResponse{Text: r.GetText()}); err != nil {
					return err
				}
			}
		}
	}
}

var streams = grpc.ServiceDesc{ServiceName: "test.Streams", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{
	{StreamName: "Join", ClientStreams: true, Handler: each(true)},
	{StreamName: "Each", ClientStreams: true, ServerStreams: true, Handler: each(false)},
}}

func newHandler(t *testing.T, f fake) http.Handler {
	t.Helper()
	var services map[string]grpc.ServiceInfo
	conn, err := transport.InProcess().Open(t.Context(), transport.ServerConfig{
		MaxRecvMsgSize: 64 << 20,
		MaxSendMsgSize: 64 << 20,
		Register: func(r grpc.ServiceRegistrar) {
			testv1.RegisterEchoServiceServer(r, f)
			r.RegisterService(&streams, nil)
			services = r.(interface {
				GetServiceInfo() map[string]grpc.ServiceInfo
			}).GetServiceInfo()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := rpc.NewHandler(conn, services, rpc.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// onEveryWay runs a test with a Conn of each protocol, over HTTP/1.1 and by
// invoking.
func onEveryWay(t *testing.T, f fake, run func(*testing.T, *client.Conn), options ...client.Option) {
	t.Helper()
	h := newHandler(t, f)
	for name, o := range map[string][]client.Option{
		"Connect":         nil,
		"Connect in JSON": {client.WithJSON()},
		"gRPC-Web":        {client.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			use(t, server.URL, run, append(slices.Clone(o), options...)...)
		})
		t.Run(name+" by invoking", func(t *testing.T) {
			use(t, "https://function", run, append(slices.Clone(o), append(options, client.WithRoundTripper(client.InvokeTransport(event.NewHandler(h).Invoke)))...)...)
		})
	}
}

func use(t *testing.T, target string, run func(*testing.T, *client.Conn), options ...client.Option) {
	t.Helper()
	conn, err := client.New(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	run(t, conn)
}

func TestConn_Invoke(t *testing.T) {
	f := fake{echo: func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-echo", strings.Join(md.Get("x-request"), ","), "x-echo-bin", md.Get("x-request-bin")[0]))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "t", "x-trailer-bin", "\x00"))
		return &testv1.EchoResponse{Text: r.GetText()}, nil
	}}
	onEveryWay(t, f, func(t *testing.T, conn *client.Conn) {
		var header, trailer metadata.MD
		var p peer.Peer
		var finished []error
		ctx := metadata.AppendToOutgoingContext(t.Context(), "X-Request", "a", "x-request-bin", "\x00\xfe\xff", "grpc-timeout", "1n", "user-agent", "x")
		response, err := testv1.NewEchoServiceClient(conn).Echo(ctx, &testv1.EchoRequest{Text: "héllo"},
			grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&p), grpc.OnFinish(func(err error) { finished = append(finished, err) }),
			grpc.WaitForReady(true), grpc.StaticMethod())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&testv1.EchoResponse{Text: "héllo"}, response, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		got := [][]string{header.Get("x-echo"), header.Get("x-echo-bin"), trailer.Get("x-trailer"), trailer.Get("x-trailer-bin"), header.Get("content-type")}
		if diff := cmp.Diff([][]string{{"a"}, {"\x00\xfe\xff"}, {"t"}, {"\x00"}, nil}, got); diff != "" {
			t.Error(diff)
		}
		if p.Addr == nil || p.Addr.String() == "" || len(finished) != 1 || finished[0] != nil {
			t.Errorf("peer %v, finished with %v", p.Addr, finished)
		}
	})
}

func TestConn_Invoke_Errors(t *testing.T) {
	failure, err := status.New(codes.NotFound, "no such échø").WithDetails(&errdetails.ErrorInfo{Reason: "GONE"})
	if err != nil {
		t.Fatal(err)
	}
	f := fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "t"))
		return nil, failure.Err()
	}}
	onEveryWay(t, f, func(t *testing.T, conn *client.Conn) {
		var trailer metadata.MD
		_, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{}, grpc.Trailer(&trailer))
		if diff := cmp.Diff(failure.Proto(), status.Convert(err).Proto(), protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		if len(trailer.Get("x-trailer")) != 1 {
			t.Errorf("trailer %v", trailer)
		}
		err = conn.Invoke(t.Context(), "/test.v1.EchoService/Nothing", &testv1.EchoRequest{}, &testv1.EchoResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%v for a method that does not exist", err)
		}
		err = conn.Invoke(t.Context(), "/other.Service/Method", &testv1.EchoRequest{}, &testv1.EchoResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%v for a service that does not exist", err)
		}
	})
}

func TestConn_Invoke_Deadline(t *testing.T) {
	f := fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > time.Hour {
			return nil, status.Errorf(codes.Internal, "%v left", left)
		}
		return &testv1.EchoResponse{}, nil
	}}
	onEveryWay(t, f, func(t *testing.T, conn *client.Conn) {
		c := testv1.NewEchoServiceClient(conn)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := c.Echo(ctx, &testv1.EchoRequest{}); err != nil {
			t.Error(err)
		}
		ctx, cancel = context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		if _, err := c.Echo(ctx, &testv1.EchoRequest{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%v after the deadline", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := c.Echo(ctx, &testv1.EchoRequest{}); status.Code(err) != codes.Canceled {
			t.Errorf("%v after a cancel", err)
		}
	})
}

type token struct{ secure bool }

func (t token) GetRequestMetadata(_ context.Context, uri ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + uri[0]}, nil
}

func (t token) RequireTransportSecurity() bool { return t.secure }

func TestConn_CallOptions(t *testing.T) {
	var got metadata.MD
	h := newHandler(t, fake{echo: func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &testv1.EchoResponse{Text: r.GetText()}, nil
	}})
	var encodings []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encodings = append(encodings, r.Header.Get("Content-Encoding")+r.Header.Get("Grpc-Encoding"))
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	large := &testv1.EchoRequest{Text: strings.Repeat("x", 5<<20)}
	for name, options := range map[string][]client.Option{"Connect": nil, "gRPC-Web": {client.WithGRPCWeb()}} {
		for what, test := range map[string]struct {
			request *testv1.EchoRequest
			option  grpc.CallOption
			want    codes.Code
		}{
			"a large request":                  {&testv1.EchoRequest{}, grpc.EmptyCallOption{}, codes.OK},
			"a response over the limit":        {&testv1.EchoRequest{Text: "xxxxxxxxxxxx"}, grpc.MaxCallRecvMsgSize(10), codes.ResourceExhausted},
			"a request over the limit":         {&testv1.EchoRequest{Text: "xxxxxxxxxxxx"}, grpc.MaxCallSendMsgSize(10), codes.ResourceExhausted},
			"an unusual compressor":            {&testv1.EchoRequest{}, grpc.UseCompressor("snappy"), codes.Unimplemented},
			"another authority":                {&testv1.EchoRequest{}, grpc.CallAuthority("other"), codes.Unimplemented},
			"a codec":                          {&testv1.EchoRequest{}, grpc.ForceCodecV2(nil), codes.Unimplemented},
			"a content subtype":                {&testv1.EchoRequest{}, grpc.CallContentSubtype("json"), codes.Unimplemented},
			"protobuf as the content subtype":  {&testv1.EchoRequest{}, grpc.CallContentSubtype("proto"), codes.OK},
			"credentials that need encryption": {&testv1.EchoRequest{}, grpc.PerRPCCredentials(token{secure: true}), codes.Unauthenticated},
			"a request over the server's":      {large, grpc.MaxCallRecvMsgSize(10 << 20), codes.ResourceExhausted},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				use(t, server.URL, func(t *testing.T, conn *client.Conn) {
					_, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), test.request, test.option)
					if status.Code(err) != test.want {
						t.Errorf("%.200v, want %v", err, test.want)
					}
				}, options...)
			})
		}
		t.Run(name+", credentials and gzip", func(t *testing.T) {
			use(t, server.URL, func(t *testing.T, conn *client.Conn) {
				encodings = nil
				response, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{Text: strings.Repeat("x", 1000)},
					grpc.PerRPCCredentials(token{}), grpc.UseCompressor("gzip"))
				if err != nil || len(response.GetText()) != 1000 {
					t.Fatal(err)
				}
				want := "Bearer https://" + strings.TrimPrefix(server.URL, "http://") + "/test.v1.EchoService"
				if diff := cmp.Diff([]string{want}, got.Get("authorization")); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]string{"gzip"}, encodings); diff != "" {
					t.Error(diff)
				}
			}, options...)
		})
	}
}

func TestConn_InvalidMetadata(t *testing.T) {
	onEveryWay(t, fake{}, func(t *testing.T, conn *client.Conn) {
		for _, md := range []metadata.MD{{"bad key": {"x"}}, {"x": {"\x01"}}} {
			_, err := testv1.NewEchoServiceClient(conn).Echo(metadata.NewOutgoingContext(t.Context(), md), &testv1.EchoRequest{})
			if status.Code(err) != codes.Internal {
				t.Errorf("%v for %v", err, md)
			}
		}
	})
}

func TestNew_RefusesTargetsThatAreNoURLs(t *testing.T) {
	for _, target := range []string{"", "localhost:8080", "dns:///x", "https://", "https://x?y=z", "https://x#y", "https://%"} {
		if conn, err := client.New(target); err == nil || conn != nil {
			t.Errorf("no error for %q", target)
		}
	}
}

// A response that is not the service's becomes the matching gRPC status.
func TestConn_ResponsesOfTheSource(t *testing.T) {
	for code, want := range map[int]codes.Code{403: codes.PermissionDenied, 401: codes.Unauthenticated, 404: codes.Unimplemented, 429: codes.Unavailable, 502: codes.Unavailable, 503: codes.Unavailable, 504: codes.Unavailable, 302: codes.Unknown} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, `{"Message":"from AWS"}`)
		}))
		for _, options := range [][]client.Option{nil, {client.WithGRPCWeb()}} {
			use(t, server.URL, func(t *testing.T, conn *client.Conn) {
				if _, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{}); status.Code(err) != want {
					t.Errorf("%d: %v, want %v", code, err, want)
				}
			}, options...)
		}
		server.Close()
	}
	use(t, "http://127.0.0.1:1", func(t *testing.T, conn *client.Conn) {
		if _, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("%v from nobody", err)
		}
	})
}

type credentials struct{ id string }

type signerOptions struct{}

// A signer has the signature of the SDK's SignHTTP and gets the request as sent.
func TestWithSigner(t *testing.T) {
	sign := func(_ context.Context, c credentials, r *http.Request, hash, service, region string, at time.Time, _ ...func(*signerOptions)) error {
		r.Header.Set("Authorization", strings.Join([]string{c.id, hash, service, region}, " "))
		if at.IsZero() {
			return errors.New("no time")
		}
		return nil
	}
	retrieve := func(context.Context) (credentials, error) { return credentials{"id"}, nil }
	h := newHandler(t, fake{})
	var problem error
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		hash := sha256.Sum256(body)
		if want := "id " + hex.EncodeToString(hash[:]) + " lambda eu-central-1"; r.Header.Get("Authorization") != want {
			problem = errors.Join(err, errors.New(r.Header.Get("Authorization")+", want "+want))
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	for _, options := range [][]client.Option{nil, {client.WithGRPCWeb()}} {
		use(t, server.URL, func(t *testing.T, conn *client.Conn) {
			if _, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{Text: "x"}); err != nil || problem != nil {
				t.Error(err, problem)
			}
			join(t, conn)
			if problem != nil {
				t.Error(problem)
			}
		}, append(options, client.WithSigner(sign, retrieve, "lambda", "eu-central-1"))...)
	}
	failing := func(context.Context) (credentials, error) { return credentials{}, errors.New("no credentials here") }
	use(t, server.URL, func(t *testing.T, conn *client.Conn) {
		if _, err := testv1.NewEchoServiceClient(conn).Echo(t.Context(), &testv1.EchoRequest{}); err == nil || !strings.Contains(err.Error(), "no credentials here") {
			t.Errorf("%v", err)
		}
	}, client.WithSigner(sign, failing, "lambda", "eu-central-1"))
}
