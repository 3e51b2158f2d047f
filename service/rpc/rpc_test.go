package rpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an EchoService whose Echo method a test sets.
type fake struct {
	testv1.UnimplementedEchoServiceServer
	echo   func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error)
	stream func(*testv1.EchoStreamRequest, grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error
}

func (f fake) Echo(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
	if f.echo == nil {
		return &testv1.EchoResponse{Text: r.GetText(), Data: r.GetData()}, nil
	}
	return f.echo(ctx, r)
}

func (f fake) EchoStream(r *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
	return f.stream(r, s)
}

// collect is a service with client streams, which the example services lack.
// Sum sends one response at the end, Each sends one for each request.
var collect = grpc.ServiceDesc{
	ServiceName: "test.Collect",
	HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{
		{StreamName: "Sum", ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			texts, err := receiveTexts(s)
			if err != nil {
				return err
			}
			return s.SendMsg(&testv1.EchoResponse{Text: strings.Join(texts, "+")})
		}},
		{StreamName: "Each", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			for {
				var r testv1.EchoRequest
				if err := s.RecvMsg(&r); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				if err := s.SendMsg(&testv1.EchoResponse{Text: r.GetText()}); err != nil {
					return err
				}
			}
		}},
		{StreamName: "Reject", ClientStreams: true, Handler: reject},
		{StreamName: "RejectBoth", ClientStreams: true, ServerStreams: true, Handler: reject},
	},
}

func reject(any, grpc.ServerStream) error { return status.Error(codes.PermissionDenied, "go away") }

func receiveTexts(s grpc.ServerStream) (texts []string, _ error) {
	for {
		var r testv1.EchoRequest
		if err := s.RecvMsg(&r); errors.Is(err, io.EOF) {
			return texts, nil
		} else if err != nil {
			return nil, err
		}
		texts = append(texts, r.GetText())
	}
}

// newHandler returns a handler that serves f and collect over a transport.
func newHandler(t testing.TB, tr transport.Transport, f fake, config rpc.Config) *rpc.Handler {
	t.Helper()
	var services map[string]grpc.ServiceInfo
	conn, err := tr.Open(t.Context(), transport.ServerConfig{
		MaxRecvMsgSize: 64 << 20,
		MaxSendMsgSize: 64 << 20,
		Register: func(r grpc.ServiceRegistrar) {
			testv1.RegisterEchoServiceServer(r, f)
			r.RegisterService(&collect, nil)
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
	h, err := rpc.NewHandler(conn, services, config)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const echoPath = "/test.v1.EchoService/Echo"

// envelope frames a message as gRPC-Web and Connect streams do.
func envelope(flags byte, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(data))), data...)
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A wire is a format of an Echo call.
type wire struct {
	name, contentType string
	encode            func(*testing.T, *testv1.EchoRequest) []byte
}

func wires() []wire {
	frame := func(t *testing.T, r *testv1.EchoRequest) []byte { return envelope(0, marshal(t, r)) }
	return []wire{
		{"Connect in protobuf", "application/proto", func(t *testing.T, r *testv1.EchoRequest) []byte { return marshal(t, r) }},
		{"Connect in JSON", "application/json", func(t *testing.T, r *testv1.EchoRequest) []byte {
			data, err := json.Marshal(map[string]any{"text": r.GetText(), "data": r.GetData()})
			if err != nil {
				t.Fatal(err)
			}
			return data
		}},
		{"gRPC-Web", "application/grpc-web+proto", frame},
		{"gRPC-Web in text", "application/grpc-web-text", func(t *testing.T, r *testv1.EchoRequest) []byte {
			return base64.StdEncoding.AppendEncode(nil, frame(t, r))
		}},
	}
}

// call makes an Echo call. It returns the response or the error, and the
// header including the trailers.
func (w wire) call(t *testing.T, h http.Handler, request *testv1.EchoRequest, header http.Header) (*testv1.EchoResponse, *status.Status, http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, echoPath, bytes.NewReader(w.encode(t, request)))
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", w.contentType)
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return decode(t, recorder)
}

func decode(t *testing.T, recorder *httptest.ResponseRecorder) (*testv1.EchoResponse, *status.Status, http.Header) {
	t.Helper()
	body, header, response := recorder.Body.Bytes(), recorder.Header(), &testv1.EchoResponse{}
	contentType := header.Get("Content-Type")
	switch {
	case strings.HasPrefix(contentType, "application/grpc-web"):
		if strings.HasPrefix(contentType, "application/grpc-web-text") {
			body = decodeText(t, body)
		}
		for len(body) >= 5 {
			n := binary.BigEndian.Uint32(body[1:])
			data := body[5 : 5+n]
			if body[0]&0x80 != 0 {
				for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\r\n"), "\r\n") {
					name, value, _ := strings.Cut(line, ":")
					header.Add(name, strings.TrimSpace(value))
				}
			} else if err := proto.Unmarshal(data, response); err != nil {
				t.Fatal(err)
			}
			body = body[5+n:]
		}
		var code int
		if _, err := fmt.Sscan(header.Get("Grpc-Status"), &code); err != nil {
			t.Fatalf("no status in %v", header)
		}
		return response, status.New(codes.Code(code), header.Get("Grpc-Message")), header
	case recorder.Code != http.StatusOK:
		var e struct{ Code, Message string }
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatalf("status %d with %q: %v", recorder.Code, body, err)
		}
		var code codes.Code
		if err := code.UnmarshalJSON([]byte(`"` + strings.ToUpper(e.Code) + `"`)); err != nil {
			t.Fatal(err)
		}
		return response, status.New(code, e.Message), header
	case contentType == "application/json":
		if err := json.Unmarshal(body, &response); err != nil {
			t.Fatal(err)
		}
	default:
		if err := proto.Unmarshal(body, response); err != nil {
			t.Fatal(err)
		}
	}
	return response, nil, header
}

// decodeText decodes base64 that consists of several padded parts.
func decodeText(t *testing.T, text []byte) (out []byte) {
	t.Helper()
	for ; len(text) >= 4; text = text[4:] {
		var err error
		if out, err = base64.StdEncoding.AppendDecode(out, text[:4]); err != nil {
			t.Fatal(err)
		}
	}
	if len(text) > 0 {
		t.Fatalf("%d characters too many", len(text))
	}
	return out
}

func onEveryWire(t *testing.T, run func(*testing.T, wire)) {
	for _, w := range wires() {
		t.Run(w.name, func(t *testing.T) { run(t, w) })
	}
}

func TestServeHTTP(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{echo: func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if got := md.Get("content-type"); len(got) != 1 || got[0] != "application/grpc" {
			t.Errorf("content type %q, want that of gRPC", got)
		}
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-in-header", md.Get("x-request")[0], "x-bytes-bin", md.Get("x-bytes-bin")[0]+md.Get("x-bytes-bin")[1]))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-at-the-end", "yes"))
		return &testv1.EchoResponse{Text: r.GetText()}, nil
	}}, rpc.Config{})
	onEveryWire(t, func(t *testing.T, w wire) {
		response, s, header := w.call(t, h, &testv1.EchoRequest{Text: "héllo"}, http.Header{
			"X-Request": {"42"}, "X-Bytes-Bin": {"AAE, AgM="}, // unpadded and padded, joined
		})
		if s.Err() != nil || response.GetText() != "héllo" {
			t.Fatalf("%v, %v", response, s)
		}
		trailer := header.Get("X-At-The-End") + header.Get("Trailer-X-At-The-End")
		if header.Get("X-In-Header") != "42" || header.Get("X-Bytes-Bin") != "AAECAw" || trailer != "yes" {
			t.Errorf("header %v", header)
		}
	})
}

func TestServeHTTP_Get(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, echoPath+"?encoding=json&message=%7B%7D", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("status %d for a GET of a method that may have side effects", w.Code)
	}
}

func TestServeHTTP_RefusesNonRPCsInPlainText(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{})
	for name, test := range map[string]struct {
		method, path, contentType string
		status                    int
		body                      string
	}{
		"another service":               {"POST", "/other.Service/Method", "application/json", 404, "not found"},
		"no method at all":              {"GET", "/test.v1.EchoService/Nothing", "", 404, "not found"},
		"GET":                           {"GET", echoPath, "", 405, "POST"},
		"DELETE":                        {"DELETE", echoPath, "application/json", 405, "POST"},
		"a form":                        {"POST", echoPath, "application/x-www-form-urlencoded", 415, "application/json"},
		"no content type":               {"POST", echoPath, "", 415, "application/json"},
		"gRPC without HTTP/2":           {"POST", echoPath, "application/grpc+proto", 415, "HTTP/2"},
		"a stream's type for unary":     {"POST", echoPath, "application/connect+proto", 415, "application/proto"},
		"a unary type for a stream":     {"POST", "/test.Collect/Each", "application/json", 415, "application/connect"},
		"an unknown form of gRPC-Web":   {"POST", echoPath, "application/grpc-web+thrift", 415, "application/grpc-web"},
		"an unknown text form, in text": {"POST", echoPath, "application/grpc-web-text+thrift", 415, "application/grpc-web"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path, strings.NewReader(""))
			r.Header.Set("Content-Type", test.contentType)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.body) || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
				t.Errorf("%d %q %q, want %d with %q in plain text", w.Code, w.Header().Get("Content-Type"), w.Body, test.status, test.body)
			}
		})
	}
}

func TestServeHTTP_AMethodThatDoesNotExistIsUnimplemented(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{})
	for _, contentType := range []string{"application/json", "application/proto", "application/grpc-web", "application/grpc-web-text"} {
		r := httptest.NewRequest(http.MethodPost, "/test.v1.EchoService/Nothing", nil)
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if _, s, _ := decode(t, w); s.Code() != codes.Unimplemented {
			t.Errorf("%s: %v", contentType, s)
		}
	}
}

func TestServeHTTP_PassesErrorsOn(t *testing.T) {
	failure, err := status.New(codes.NotFound, "no such échø").WithDetails(&errdetails.ErrorInfo{Reason: "GONE"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, transport.InProcess(), fake{echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return nil, failure.Err()
	}}, rpc.Config{})
	r := httptest.NewRequest(http.MethodPost, echoPath, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var got struct {
		Code, Message string
		Details       []struct{ Type, Value string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 404 || got.Code != "not_found" || got.Message != "no such échø" || len(got.Details) != 1 || got.Details[0].Type != "google.rpc.ErrorInfo" {
		t.Errorf("%d %+v", w.Code, got)
	}
	for _, w := range wires()[2:] {
		_, s, header := w.call(t, h, &testv1.EchoRequest{}, nil)
		if s.Code() != codes.NotFound || header.Get("Grpc-Status-Details-Bin") == "" {
			t.Errorf("%s: %v, header %v", w.name, s, header)
		}
	}
}

func TestConfig_StatusReplacesErrors(t *testing.T) {
	for _, code := range []codes.Code{codes.Internal, codes.Unknown, codes.Code(42)} {
		var seen []string
		h := newHandler(t, transport.InProcess(), fake{echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			return nil, status.Error(code, "the password is 1234")
		}}, rpc.Config{Status: func(_ context.Context, method string, err error) *status.Status {
			s := status.Convert(err)
			seen = append(seen, method+" "+s.Message())
			if s.Code() == codes.Internal || s.Code() == codes.Unknown {
				return status.New(s.Code(), "withheld")
			}
			return s
		}})
		onEveryWire(t, func(t *testing.T, w wire) {
			seen = nil
			_, s, header := w.call(t, h, &testv1.EchoRequest{}, nil)
			if s.Message() != "withheld" || strings.Contains(fmt.Sprint(header), "1234") {
				t.Errorf("%v with %v", s, header)
			}
			if diff := cmp.Diff([]string{echoPath + " the password is 1234"}, seen); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfig_HeadersArePassedAsConfigured(t *testing.T) {
	var got metadata.MD
	h := newHandler(t, transport.InProcess(), fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		_ = grpc.SetHeader(ctx, metadata.Pairs("x-public", "1", "x-secret", "2"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-public", "3", "x-secret", "4"))
		return &testv1.EchoResponse{}, nil
	}}, rpc.Config{
		RequestHeader:  func(name string) (string, bool) { return "renamed", name == "X-Allowed" },
		ResponseHeader: func(key string) (string, bool) { return "X-Renamed", key == "x-public" },
		Metadata:       func(*http.Request) metadata.MD { return metadata.Pairs("x-own", "own") },
	})
	onEveryWire(t, func(t *testing.T, w wire) {
		_, s, header := w.call(t, h, &testv1.EchoRequest{}, http.Header{
			"X-Allowed": {"a", "\x01 is not printable"}, "X-Other": {"b"}, "X-Own": {"forged"}, "Grpc-Metadata-X-Own": {"forged"},
		})
		if s.Err() != nil {
			t.Fatal(s)
		}
		if diff := cmp.Diff([][]string{{"a"}, nil, {"own"}}, [][]string{got.Get("renamed"), got.Get("x-other"), got.Get("x-own")}); diff != "" {
			t.Error(diff)
		}
		if text := fmt.Sprint(header); strings.Contains(strings.ToLower(text), "x-secret") || !strings.Contains(text, "X-Renamed") {
			t.Errorf("header %v", header)
		}
	})
}

func TestServeHTTP_RefusesAHeaderThatIsNotBase64(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{})
	onEveryWire(t, func(t *testing.T, w wire) {
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{}, http.Header{"X-Bytes-Bin": {"%%%"}}); s.Code() != codes.InvalidArgument {
			t.Errorf("%v", s)
		}
	})
}

func TestServeHTTP_PassesDeadlinesOn(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > time.Hour || left < time.Hour-time.Minute {
			return nil, status.Errorf(codes.FailedPrecondition, "%v left", left)
		}
		return &testv1.EchoResponse{}, nil
	}}, rpc.Config{})
	onEveryWire(t, func(t *testing.T, w wire) {
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{}, http.Header{"Connect-Timeout-Ms": {"3600000"}, "Grpc-Timeout": {"60M"}}); s.Err() != nil {
			t.Error(s)
		}
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{}, http.Header{"Connect-Timeout-Ms": {"soon"}, "Grpc-Timeout": {"soon"}}); s.Code() != codes.InvalidArgument {
			t.Errorf("%v for a timeout that is none", s)
		}
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{}, http.Header{"Connect-Timeout-Ms": {"0"}, "Grpc-Timeout": {"0n"}}); s.Code() != codes.DeadlineExceeded {
			t.Errorf("%v for a timeout that is over", s)
		}
	})
}

func TestConfig_MaxRequestBytes(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{MaxRequestBytes: 1000})
	onEveryWire(t, func(t *testing.T, w wire) {
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{Text: strings.Repeat("x", 1001)}, nil); s.Code() != codes.ResourceExhausted {
			t.Errorf("%v", s)
		}
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{Text: strings.Repeat("x", 900)}, nil); s.Err() != nil {
			t.Errorf("%v for less than the limit", s)
		}
	})
	if _, err := rpc.NewHandler(nil, nil, rpc.Config{MaxRequestBytes: -1}); err == nil || !strings.Contains(err.Error(), "MaxRequestBytes") {
		t.Errorf("%v for a limit below zero", err)
	}
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestServeHTTP_InflatesRequests(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{MaxRequestBytes: 100_000})
	for _, size := range []int{10, 99_000, 101_000} {
		message := marshal(t, &testv1.EchoRequest{Text: strings.Repeat("x", size)})
		for name, r := range map[string]*http.Request{
			"application/proto":         httptest.NewRequest(http.MethodPost, echoPath, bytes.NewReader(gzipped(t, message))),
			"application/grpc-web":      httptest.NewRequest(http.MethodPost, echoPath, bytes.NewReader(envelope(1, gzipped(t, message)))),
			"application/grpc-web-text": httptest.NewRequest(http.MethodPost, echoPath, strings.NewReader(base64.StdEncoding.EncodeToString(envelope(1, gzipped(t, message))))),
		} {
			r.Header = http.Header{"Content-Type": {name}, "Content-Encoding": {"gzip"}, "Grpc-Encoding": {"gzip"}}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			response, s, _ := decode(t, w)
			if size > 100_000 {
				if s.Code() != codes.ResourceExhausted {
					t.Errorf("%s, %d bytes: %v", name, size, s)
				}
			} else if s.Err() != nil || len(response.GetText()) != size {
				t.Errorf("%s, %d bytes: %d bytes and %v", name, size, len(response.GetText()), s)
			}
		}
	}
}

// A megabyte of gzip that inflates to a gigabyte must not allocate more than
// three times the limit in total.
func TestServeHTTP_AGzipBombNeedsLittleMemory(t *testing.T) {
	const limit = 4 << 20
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{MaxRequestBytes: limit})
	bomb := bytes.Repeat(gzipped(t, make([]byte, 16<<20)), 65) // gzip joins its parts
	if len(bomb) < 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // so that everything stays
	for contentType, body := range map[string][]byte{
		"application/proto":         bomb,
		"application/json":          bomb,
		"application/grpc-web":      envelope(1, bomb),
		"application/grpc-web-text": base64.StdEncoding.AppendEncode(nil, envelope(1, bomb)),
	} {
		r := httptest.NewRequest(http.MethodPost, echoPath, bytes.NewReader(body))
		r.Header = http.Header{"Content-Type": {contentType}, "Content-Encoding": {"gzip"}, "Grpc-Encoding": {"gzip"}}
		w := httptest.NewRecorder()
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if _, s, _ := decode(t, w); s.Code() != codes.ResourceExhausted {
			t.Errorf("%s: %v", contentType, s)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 3*limit {
			t.Errorf("%s: %d bytes of memory, want at most %d", contentType, used, 3*limit)
		}
	}
}

func TestConfig_MaxResponseBytes(t *testing.T) {
	size := 0
	h := newHandler(t, transport.InProcess(), fake{echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Data: bytes.Repeat([]byte{0xff}, size)}, nil
	}, stream: func(_ *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
		for i := range int32(100) {
			if err := s.Send(&testv1.EchoStreamResponse{Sequence: i}); err != nil {
				return err
			}
		}
		return nil
	}}, rpc.Config{MaxResponseBytes: func(context.Context) int { return 1000 }})
	onEveryWire(t, func(t *testing.T, w wire) {
		size = 760 // in base64, more than 1000
		if _, s, _ := w.call(t, h, &testv1.EchoRequest{}, nil); s.Code() != codes.ResourceExhausted {
			t.Errorf("%v", s)
		}
		size = 700
		if response, s, _ := w.call(t, h, &testv1.EchoRequest{}, nil); s.Err() != nil || len(response.GetData()) != size {
			t.Errorf("%v for less than the limit", s)
		}
	})
	t.Run("a stream", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/test.v1.EchoService/EchoStream", bytes.NewReader(envelope(0, nil)))
		r.Header.Set("Content-Type", "application/grpc-web")
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		if encoded := base64.StdEncoding.EncodedLen(recorder.Body.Len()); encoded > 1200 {
			t.Errorf("a body of %d bytes", encoded)
		}
		if _, s, _ := decode(t, recorder); s.Code() != codes.ResourceExhausted {
			t.Errorf("%v", s)
		}
	})
}

func TestConfig_RefuseBinary(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{RefuseBinary: func(*http.Request) error { return errors.New("text only") }})
	onEveryWire(t, func(t *testing.T, w wire) {
		response, s, _ := w.call(t, h, &testv1.EchoRequest{Text: "x"}, nil)
		if binary := w.contentType == "application/proto" || w.contentType == "application/grpc-web+proto"; !binary {
			if s.Err() != nil || response.GetText() != "x" {
				t.Errorf("%v, %v", response, s)
			}
		} else if s.Code() != codes.Unimplemented || s.Message() != "text only" {
			t.Errorf("%v", s)
		}
	})
	r := httptest.NewRequest(http.MethodPost, "/test.Collect/Each", nil)
	r.Header.Set("Content-Type", "application/connect+json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusUnsupportedMediaType || strings.TrimSpace(w.Body.String()) != "text only" {
		t.Errorf("%d %q for a stream of Connect", w.Code, w.Body)
	}
}

// A service without a descriptor is served in binary form only.
func TestServeHTTP_WithoutADescriptor(t *testing.T) {
	h := newHandler(t, transport.InProcess(), fake{}, rpc.Config{})
	body := bytes.NewBuffer(envelope(0, marshal(t, &testv1.EchoRequest{Text: "a"})))
	body.Write(envelope(0, marshal(t, &testv1.EchoRequest{Text: "b"})))
	r := httptest.NewRequest(http.MethodPost, "/test.Collect/Sum", body)
	r.Header.Set("Content-Type", "application/grpc-web")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if response, s, _ := decode(t, w); s.Err() != nil || response.GetText() != "a+b" {
		t.Errorf("%v, %v", response, s)
	}
	r = httptest.NewRequest(http.MethodPost, "/test.Collect/Sum", bytes.NewReader(envelope(0, []byte("{}"))))
	r.Header.Set("Content-Type", "application/grpc-web+json")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if _, s, _ := decode(t, w); s.Code() != codes.Unimplemented || !strings.Contains(s.Message(), "descriptor") {
		t.Errorf("%v", s)
	}
}
