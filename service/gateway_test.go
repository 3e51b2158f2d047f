package service_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

func TestInvalidUTF8InARequestIsAClientError(t *testing.T) {
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	each(t, func(t *testing.T, tr transport.Transport) {
		var log buffer
		s := start(t, tr, &log, bindTest(testService{}))
		for name, test := range map[string]struct {
			method, target, body string
			header               []string
			want                 string
		}{
			"path":                        {"GET", "/test/v1/items/%ff", "", nil, "path: name is not valid UTF-8"},
			"path of several segments":    {"GET", "/test/v1/files/a/%ff/b%2Fc", "", nil, "path: name is not valid UTF-8"},
			"query":                       {"GET", "/test/v1/items/a?text=%ff", "", nil, "query: text is not valid UTF-8"},
			"query, repeated":             {"GET", "/test/v1/items/a?tags=a&tags=%c3", "", nil, "query: tags is not valid UTF-8"},
			"query, nested":               {"GET", "/test/v1/items/a?item.child.text=%ed%a0%80", "", nil, "query: item.child.text is not valid UTF-8"},
			"form":                        {"POST", "/test/v1/items/a/form", "text=%ff", form, "body: text is not valid UTF-8"},
			"JSON":                        {"POST", "/test/v1/items", "{\"text\":\"\xff\"}", nil, "body: invalid UTF-8"},
			"JSON, half a surrogate pair": {"POST", "/test/v1/items", `{"text":"\ud800"}`, nil, `body: invalid escape code "\\ud800" in string`},
			"JSON, unknown field":         {"POST", "/test/v1/items", "{\"no\":\"\xff\"}", nil, "body: invalid UTF-8"},
			"JSON of a client stream":     {"POST", "/test/v1/items:collect", "{\"text\":\"\xff\"}", nil, "body: invalid UTF-8"},
		} {
			t.Run(name, func(t *testing.T) {
				isError(t, call(t, s, test.method, test.target, test.body, test.header...), 400, 3, test.want)
			})
		}
		if a := call(t, s, "GET", "/test/v1/items/a?other=%ff&text=%C3%BC", ""); a.code != 200 || a.fields(t)["text"] != "ü" {
			t.Errorf("a parameter that no field takes: %+v, want 200", a)
		}
		if strings.Contains(log.String(), `"ERROR"`) {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func TestInvalidUTF8InAResponseIsAServerError(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var log buffer
		s := start(t, tr, &log, bindTest(testService{
			get: func(context.Context, *testv1.GetRequest) (*testv1.GetResponse, error) {
				return &testv1.GetResponse{Text: "secret\xff"}, nil
			},
		}))
		isError(t, call(t, s, "GET", "/test/v1/items/a?text=b", ""), 500, 13, "the server failed to answer: Internal")
		if n := len(log.lines(t, "error message withheld from the client")); n != 1 {
			t.Errorf("%d lines say what was withheld, want 1", n)
		}
	})
}

// errSecret is an error that clients must not see.
var errSecret = errors.New("dsn=secret")

func TestErrorsStayMaskedWithAnyMuxOptions(t *testing.T) {
	withheld := func(_ context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
		return nil, status.Error(codes.Internal, "dsn=secret")
	}
	broken := func(_ *testv1.ListRequest, stream grpc.ServerStreamingServer[testv1.ListResponse]) error {
		return errors.Join(stream.Send(&testv1.ListResponse{}), errSecret)
	}
	failingOption := func(_ context.Context, _ http.ResponseWriter, m proto.Message) error {
		if m == nil {
			return nil
		}
		return errSecret
	}
	for name, test := range map[string]struct {
		service testService
		options []runtime.ServeMuxOption
		unary   string // what the answer has in it
		stream  string
	}{
		"an error handler": {
			testService{get: withheld, list: broken},
			[]runtime.ServeMuxOption{runtime.WithErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprintf(w, "mine: %v", err)
			})}, "mine: rpc error: code = Internal desc = the server failed to answer: Internal", "the server failed to answer: Unknown",
		},
		"a stream error handler": {
			testService{get: withheld, list: broken},
			[]runtime.ServeMuxOption{runtime.WithStreamErrorHandler(func(_ context.Context, err error) *status.Status {
				return status.Newf(codes.Aborted, "mine: %v", err)
			})}, "the server failed to answer: Internal", "mine: rpc error: code = Unknown desc = the server failed to answer: Unknown",
		},
		"the gateway's own handlers": {
			testService{get: withheld, list: broken},
			[]runtime.ServeMuxOption{runtime.WithErrorHandler(runtime.DefaultHTTPErrorHandler), runtime.WithStreamErrorHandler(runtime.DefaultStreamErrorHandler)},
			"the server failed to answer: Internal", "the server failed to answer: Unknown",
		},
		"an option that fails": {
			testService{},
			[]runtime.ServeMuxOption{runtime.WithForwardResponseOption(failingOption)},
			"the server failed to answer: Unknown", "the server failed to answer: Unknown",
		},
		"an option that fails, with an error handler": {
			testService{},
			[]runtime.ServeMuxOption{
				runtime.WithForwardResponseOption(failingOption),
				runtime.WithErrorHandler(runtime.DefaultHTTPErrorHandler), runtime.WithStreamErrorHandler(runtime.DefaultStreamErrorHandler),
			}, "the server failed to answer: Unknown", "the server failed to answer: Unknown",
		},
		"a rewriter that fails": {
			testService{},
			[]runtime.ServeMuxOption{runtime.WithForwardResponseRewriter(func(_ context.Context, m proto.Message) (any, error) {
				switch m.(type) {
				case *testv1.GetResponse, *testv1.ListResponse:
					return nil, errSecret
				}
				return m, nil
			})}, "the server failed to answer: Unknown", "the server failed to answer: Unknown",
		},
		"a marshaler that fails": {
			testService{},
			[]runtime.ServeMuxOption{runtime.WithMarshalerOption(runtime.MIMEWildcard, failingMarshaler{&runtime.JSONPb{}})},
			"the server failed to answer: Unknown", "the server failed to answer: Unknown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log buffer
			s := start(t, transport.InProcess(), &log, bindTest(test.service), service.WithMuxOptions(test.options...))
			a := call(t, s, "GET", "/test/v1/items/a", "")
			if !strings.Contains(a.body, test.unary) || strings.Contains(a.body, "secret") || a.code != 500 {
				t.Errorf("unary: %d %s, want %q", a.code, a.body, test.unary)
			}
			a = call(t, s, "GET", "/test/v1/items?count=1", "")
			if !strings.Contains(a.body, test.stream) || strings.Contains(a.body, "secret") {
				t.Errorf("stream: %d %s, want %q", a.code, a.body, test.stream)
			}
			if n := len(log.lines(t, "error message withheld from the client")); n != 2 {
				t.Errorf("%d lines say what was withheld, want 2:\n%s", n, log.String())
			}
		})
	}
}

// failingMarshaler is a marshaler that fails for everything except errors.
type failingMarshaler struct{ runtime.Marshaler }

func (m failingMarshaler) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case *testv1.GetResponse:
		return nil, errSecret
	case map[string]any:
		if _, ok := v["result"]; ok {
			return nil, errSecret
		}
	}
	return m.Marshaler.Marshal(v)
}

func TestErrorsStayMaskedInCustomHandlers(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var log buffer
		custom := func(ctx context.Context, mux *runtime.ServeMux, client testv1.TestServiceClient) error {
			return mux.HandlePath("GET", "/custom", func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
				_, unary := client.Get(r.Context(), &testv1.GetRequest{})
				stream, err := client.List(r.Context(), &testv1.ListRequest{})
				if err == nil {
					_, err = stream.Recv()
				}
				http.Error(w, fmt.Sprint(unary, err), http.StatusInternalServerError)
			})
		}
		s := start(t, tr, &log, service.Bind[testv1.TestServiceServer](testv1.RegisterTestServiceServer, testv1.NewTestServiceClient, custom, testService{
			get:  func(context.Context, *testv1.GetRequest) (*testv1.GetResponse, error) { return nil, errSecret },
			list: func(*testv1.ListRequest, grpc.ServerStreamingServer[testv1.ListResponse]) error { return errSecret },
		}))
		a := call(t, s, "GET", "/custom", "")
		if strings.Contains(a.body, "secret") || strings.Count(a.body, "the server failed to answer: Unknown") != 2 {
			t.Errorf("answer: %+v", a)
		}
		if n := len(log.lines(t, "error message withheld from the client")); n != 2 {
			t.Errorf("%d lines say what was withheld, want 2", n)
		}
	})
}

func TestMethodOverrideStaysOffWithAnyMuxOptions(t *testing.T) {
	s := start(t, transport.InProcess(), nil, bindTest(testService{}), service.WithMuxOptions(runtime.WithLegacyHeaderMatching()))
	a := call(t, s, "POST", "/test/v1/items/a", "", "X-HTTP-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded")
	if a.code != 501 {
		t.Errorf("answer: %+v, want 501", a)
	}
}

func TestHTTPBody(t *testing.T) {
	for name, options := range map[string][]runtime.ServeMuxOption{
		"as it comes":            nil,
		"with another marshaler": {runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{})},
		"for one media type":     {runtime.WithMarshalerOption("application/x-other", &runtime.JSONBuiltin{})},
		"with a rewriter":        {runtime.WithForwardResponseRewriter(func(context.Context, proto.Message) (any, error) { return "rewritten", nil })},
		"with a content length":  {runtime.WithWriteContentLength()},
		"with a status": {runtime.WithForwardResponseOption(func(_ context.Context, w http.ResponseWriter, _ proto.Message) error {
			w.WriteHeader(http.StatusOK)
			return nil
		})},
		"with a middleware":        {runtime.WithMiddlewares(upperCase)},
		"without chunked coding":   {runtime.WithDisableChunkedEncoding()},
		"with a wrapped marshaler": {runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{Marshaler: &runtime.JSONPb{}})},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, transport.InProcess(), nil, bindTest(testService{}), service.WithMuxOptions(options...))
			server := httptest.NewServer(s)
			defer server.Close()
			for target, want := range map[string]struct{ contentType, body string }{
				"/test/v1/bodies/a":          {"image/png", "\x89PNG\x00\xff"},
				"/test/v1/bodies/a/download": {"application/zip", "one\n\x00\xffthree"},
			} {
				if name == "with a status" && strings.HasSuffix(target, "download") {
					continue // the option writes the header before there is a message
				}
				if name == "with a middleware" {
					want.body = strings.ToUpper(want.body)
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+target, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Accept", "application/x-other")
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || string(body) != want.body || response.Header.Get("Content-Type") != want.contentType {
					t.Errorf("%s: %d %s %q, %v, want %+v", target, response.StatusCode, response.Header.Get("Content-Type"), body, err, want)
				}
			}
		})
	}
}

// upperCase is a middleware that changes bodies.
func upperCase(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		next(upperCaseWriter{w}, r, params)
	}
}

type upperCaseWriter struct{ http.ResponseWriter }

func (w upperCaseWriter) Write(p []byte) (int, error) {
	if _, err := w.ResponseWriter.Write([]byte(strings.ToUpper(string(p)))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w upperCaseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestHTTPBodyStreamThatFailsIsBrokenOff(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var fail error
		s := start(t, tr, nil, bindTest(testService{
			download: func(r *testv1.DownloadRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
				if r.GetName() == "late" {
					if err := stream.Send(&httpbody.HttpBody{ContentType: "application/zip", Data: []byte("half")}); err != nil {
						return err
					}
				}
				return fail
			},
		}))
		server := httptest.NewServer(s)
		defer server.Close()
		server.Config.ErrorLog = nil
		get := func(name string) (*http.Response, []byte, error) {
			response, err := server.Client().Get(server.URL + "/test/v1/bodies/" + name + "/download")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			return response, body, err
		}
		fail = status.Error(codes.NotFound, "no such body")
		if response, body, err := get("late"); err == nil || string(body) != "half" || response.StatusCode != http.StatusOK {
			t.Errorf("a failure after a message: %d %q, %v, want 200, the half and an error", response.StatusCode, body, err)
		}
		if response, body, err := get("early"); err != nil || response.StatusCode != http.StatusNotFound || !strings.Contains(string(body), "no such body") {
			t.Errorf("a failure before a message: %d %q, %v, want 404", response.StatusCode, body, err)
		}
		fail = nil
		if response, body, err := get("late"); err != nil || string(body) != "half" || response.StatusCode != http.StatusOK {
			t.Errorf("no failure: %d %q, %v, want 200 and all of it", response.StatusCode, body, err)
		}
	})
}

func TestHTTPBodyOfARequestIsJSON(t *testing.T) {
	s := start(t, transport.InProcess(), nil, bindTest(testService{}))
	a := call(t, s, "POST", "/test/v1/bodies/a", `{"contentType":"text/plain","data":"aGVsbG8="}`)
	if diff := cmp.Diff(map[string]any{"sizeBytes": "5", "contentType": "text/plain"}, a.fields(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWithReflection_RefusesUnsuitableFunctions(t *testing.T) {
	for name, test := range map[string]struct {
		option    service.Option
		transport transport.Transport
		want      string
	}{
		"a type that no server has": {service.WithReflection(func(otherRegistrar) {}), transport.Bufconn(), "otherRegistrar"},
		"only a *grpc.Server, where there is another": {
			service.WithReflection(func(s *grpc.Server) { reflection.Register(s) }), transport.InProcess(), "*grpc.Server",
		},
		"only the transport's own, where ServeGRPC has another": {
			service.WithReflection(func(*inproc.Server) {}), transport.InProcess(), "*inproc.Server, but the server is a *grpc.Server",
		},
		"nil": {service.WithReflection[reflection.GRPCServer](nil), transport.Bufconn(), "nil"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := service.New(t.Context(), test.transport, bindTest(testService{}), test.option)
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "WithReflection") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one of WithReflection that says %q", err, test.want)
			}
		})
	}
	start(t, transport.Bufconn(), nil, bindTest(testService{}), service.WithReflection(func(s *grpc.Server) { reflection.Register(s) }))
}

type otherRegistrar interface {
	grpc.ServiceRegistrar
	Other()
}

func TestHEAD(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		calls := map[string]int{}
		s := start(t, tr, nil, bindTest(testService{
			exists: func(_ context.Context, r *testv1.ExistsRequest) (*testv1.ExistsResponse, error) {
				calls["Exists "+r.GetName()]++
				if r.GetName() == "none" {
					return nil, status.Error(codes.NotFound, "none")
				}
				return &testv1.ExistsResponse{}, nil
			},
			get: func(_ context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
				calls["Get "+r.GetName()]++
				return &testv1.GetResponse{}, nil
			},
		}))
		for target, code := range map[string]int{
			"/test/v1/items/a": 200, "/test/v1/items/none": 404, "/test/v1/shelves/b/item": 200, "/test/v1/nothing": 404, "/test/v1/items/a/tags": 501, "/healthz": 200,
		} {
			a := call(t, s, "HEAD", target, "")
			if a.code != code || a.body != "" || a.header.Get("Content-Type") == "" {
				t.Errorf("HEAD %s: %+v, want %d without a body", target, a, code)
			}
		}
		if diff := cmp.Diff(map[string]int{"Exists a": 1, "Exists none": 1, "Get shelves/b": 1}, calls); diff != "" {
			t.Errorf("calls: -want +got:\n%s", diff)
		}
	})
}

func TestHEADOfAServerStreamEndsWithTheFirstMessage(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		ended := make(chan error, 1)
		s := start(t, tr, nil, bindTest(testService{
			list: func(r *testv1.ListRequest, stream grpc.ServerStreamingServer[testv1.ListResponse]) error {
				if r.GetCount() < 0 {
					return status.Error(codes.InvalidArgument, "count")
				}
				if err := stream.SendHeader(metadata.Pairs("retry-after", "7")); err != nil {
					return err
				}
				if err := stream.Send(&testv1.ListResponse{}); err != nil {
					return err
				}
				<-stream.Context().Done() // for ever, to a client that waits for the end
				ended <- stream.Context().Err()
				return stream.Context().Err()
			},
			download: func(_ *testv1.DownloadRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
				if err := stream.Send(&httpbody.HttpBody{ContentType: "application/zip", Data: []byte("x")}); err != nil {
					return err
				}
				<-stream.Context().Done()
				ended <- stream.Context().Err()
				return stream.Context().Err()
			},
		}))
		for target, contentType := range map[string]string{"/test/v1/items": "application/json", "/test/v1/bodies/a/download": "application/zip"} {
			a := call(t, s, "HEAD", target, "")
			if a.code != 200 || a.body != "" || a.header.Get("Content-Type") != contentType {
				t.Errorf("HEAD %s: %+v, want 200 and %s", target, a, contentType)
			}
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("HEAD %s: the handler's context ended with %v", target, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("HEAD %s: the handler was not cancelled", target)
			}
		}
		if a := call(t, s, "HEAD", "/test/v1/items", ""); a.header.Get("Retry-After") != "7" {
			t.Errorf("header: %v", a.header)
		}
		<-ended
		if a := call(t, s, "HEAD", "/test/v1/items?count=-1", ""); a.code != 400 || a.body != "" {
			t.Errorf("HEAD of a stream that fails: %+v, want 400", a)
		}
	})
}

func TestPathVariables(t *testing.T) {
	cases := map[string]string{ // see google/api/http.proto, "Path template syntax"
		"/test/v1/items/a%2Fb":                          "a/b",
		"/test/v1/items/a%252Fb":                        "a%2Fb",
		"/test/v1/items/a%20b%2fc":                      "a b/c",
		"/test/v1/items/a%3Ab":                          "a:b",
		"/test/v1/shelves/a/item":                       "shelves/a",
		"/test/v1/shelves/a%2Fb/item":                   "shelves/a%2Fb",
		"/test/v1/shelves/a%2fb%20c%25/item":            "shelves/a%2fb c%",
		"/test/v1/shelves/a%252Fb/item":                 "shelves/a%2Fb",
		"/test/v1/files/a/b":                            "a/b",
		"/test/v1/files/a%2Fb/c%20d%2fe":                "a%2Fb/c d%2fe",
		"/test/v1/shelves/a%2Fb/items/c%2Fd/e%21:read":  "shelves/a%2Fb/items/c%2Fd/e!",
		"/test/v1/shelves/a%2Fb/items/c:d%2Fe/f:g:read": "shelves/a%2Fb/items/c:d%2Fe/f:g",
	}
	s := start(t, transport.InProcess(), nil, bindTest(testService{}))
	for target, want := range cases {
		if a := call(t, s, "GET", target, ""); a.code != 200 || a.fields(t)["name"] != want {
			t.Errorf("%s: %d %s, want %q", target, a.code, a.body, want)
		}
	}
	s = start(t, transport.InProcess(), nil, bindTest(testService{}), service.WithMuxOptions(runtime.WithUnescapingMode(runtime.UnescapingModeLegacy)))
	if a := call(t, s, "GET", "/test/v1/files/a%2Fb", ""); a.fields(t)["name"] != "a/b" {
		t.Errorf("with another unescaping mode: %+v, want a/b", a)
	}
}

func TestClientStreams(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		server := httptest.NewServer(start(t, tr, nil, bindTest(testService{})))
		defer server.Close()
		post := func(method, body string) (int, string) {
			t.Helper()
			response, err := server.Client().Post(server.URL+"/test/v1/items:"+method, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			got, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return response.StatusCode, strings.ReplaceAll(strings.ReplaceAll(string(got), " ", ""), "\u00a0", "")
		}
		const two = "{\"text\":\"a\"}\n{\"text\":\"b\"}\n"
		for name, test := range map[string]struct {
			method, body string
			code         int
			want         string
		}{
			"client stream":                 {"collect", two, 200, `{"texts":["a","b"]}`},
			"client stream without a line":  {"collect", "", 200, `{"texts":[]}`},
			"client stream, values in line": {"collect", `{"text":"a"}{"text":"b"}`, 200, `{"texts":["a","b"]}`},
			"client stream, a bad line":     {"collect", two + "{]", 400, `{"code":3,"message":"body:invalidcharacter']'lookingforbeginningofobjectkeystring","details":[]}`},
			"client stream, cut off":        {"collect", two + `{"text":`, 400, `{"code":3,"message":"body:unexpectedEOF","details":[]}`},
			"client stream, a bad value":    {"collect", `{"state":"NOPE"}`, 400, `{"code":3,"message":"body:state:unknownvalue\"NOPE\",wantoneofSTATE_UNSPECIFIED,STATE_ACTIVE,STATE_RETIRED","details":[]}`},
			"bidirectional stream":          {"chat", two, 200, `{"result":{"text":"a"}}` + "\n" + `{"result":{"text":"b"}}` + "\n" + `{"result":{"text":"end"}}` + "\n"},
		} {
			if code, body := post(test.method, test.body); code != test.code || body != test.want {
				t.Errorf("%s: %d %s, want %d %s", name, code, body, test.code, test.want)
			}
		}
		// Earlier messages may have been answered, but the stream must not end like a complete one.
		for _, bad := range []string{"{]", `{"text":`, `{"text":1}`} {
			if _, body := post("chat", two+bad); !strings.Contains(body, `"code":3,"message":"body:`) || strings.Contains(body, `"end"`) {
				t.Errorf("bidirectional stream with the line %s: %s, want an error at the end", bad, body)
			}
		}
		var want strings.Builder
		var long bytes.Buffer
		for i := range 2000 {
			fmt.Fprintf(&long, "{\"text\":\"%d%s\"}\n", i, strings.Repeat("x", 500))
			fmt.Fprintf(&want, "{\"result\":{\"text\":\"%d%s\"}}\n", i, strings.Repeat("x", 500))
		}
		if code, body := post("chat", long.String()); code != 200 || body != want.String()+"{\"result\":{\"text\":\"end\"}}\n" {
			t.Errorf("a bidirectional stream of 1 MB: %d and %d bytes, want all of it back", code, len(body))
		}
	})
}

func TestABodyOverTheLimitIs413(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		const limit = 1000
		s := start(t, tr, nil, bindTest(testService{}))
		limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			s.ServeHTTP(w, r)
		})
		long := strings.Repeat("x", limit)
		for name, test := range map[string]struct {
			method, target, body string
			header               []string
		}{
			"a message":                  {"POST", "/test/v1/items", `{"text":"` + long + `"}`, nil},
			"a message and much space":   {"POST", "/test/v1/items", `{"text":""}` + strings.Repeat(" ", limit), nil},
			"a field":                    {"POST", "/test/v1/items/a/text", `"` + long + `"`, nil},
			"a PATCH with a field mask":  {"PATCH", "/test/v1/items/a", `{"text":"` + long + `"}`, nil},
			"a form":                     {"POST", "/test/v1/items/a/form", "text=" + long, []string{"Content-Type", "application/x-www-form-urlencoded"}},
			"a body that nobody decodes": {"GET", "/test/v1/items/a", long + long, nil},
			"a client stream":            {"POST", "/test/v1/items:collect", strings.Repeat(`{"text":"a"}`, limit), nil},
			"a bidirectional stream":     {"POST", "/test/v1/items:chat", `{"text":"` + long + `"}`, nil},
		} {
			t.Run(name, func(t *testing.T) {
				a := call(t, limited, test.method, test.target, test.body, test.header...)
				if a.code != 413 || !strings.Contains(a.body, `body: larger than the limit of 1000 bytes`) {
					t.Errorf("answer %d %s, want 413 and the limit", a.code, a.body)
				}
			})
		}
		var seen int
		handled := start(t, tr, nil, bindTest(testService{}), service.WithMuxOptions(
			runtime.WithErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
				seen++
				http.Error(w, err.Error(), http.StatusBadRequest)
			})))
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/test/v1/items", strings.NewReader(`{"text":"`+long+`"}`))
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if handled.ServeHTTP(w, r); w.Code != 413 || seen != 1 {
			t.Errorf("with an error handler: %d, called %d times, want 413 and 1", w.Code, seen)
		}
	})
}

func TestServerSentEvents(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		next := make(chan struct{})
		s := start(t, tr, nil, bindTest(testService{
			list: func(r *testv1.ListRequest, stream grpc.ServerStreamingServer[testv1.ListResponse]) error {
				if r.GetCount() < 0 {
					return status.Error(codes.InvalidArgument, "bad count")
				}
				for i := range 2 {
					if err := stream.Send(&testv1.ListResponse{Item: &testv1.Item{Text: fmt.Sprintf("%d\n", i)}}); err != nil {
						return err
					}
					select {
					case <-next:
					case <-stream.Context().Done():
						return stream.Context().Err()
					}
				}
				if r.GetCount() == 1 {
					return status.Error(codes.Internal, "dsn=secret")
				}
				return nil
			},
		}), service.WithJSON(service.JSON{OmitUnpopulated: true}))
		server := httptest.NewServer(s)
		t.Cleanup(server.Close) // after the bodies
		get := func(target, accept string) *http.Response {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", accept)
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { response.Body.Close() })
			return response
		}
		for _, accept := range []string{"text/event-stream", "text/event-stream, */*;q=0.1", "Text/Event-Stream;charset=utf-8"} {
			response := get("/test/v1/items?count=1", accept)
			if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream" {
				t.Fatalf("Accept %s: %d %s", accept, response.StatusCode, got)
			}
			body := bufio.NewReader(response.Body)
			line := func() string {
				l, err := body.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				return strings.ReplaceAll(l, " ", "")
			}
			for i := range 2 { // each is there before the handler goes on
				if got, want := line()+line(), fmt.Sprintf("data:{\"item\":{\"text\":\"%d\\n\"}}\n\n", i); got != want {
					t.Fatalf("event %d: %q, want %q", i, got, want)
				}
				next <- struct{}{}
			}
			rest, err := io.ReadAll(body)
			if want := "event: error\ndata: {\"code\":13,\"message\":\"the server failed to answer: Internal\"}\n\n"; err != nil ||
				strings.ReplaceAll(string(rest), " ", "") != strings.ReplaceAll(want, " ", "") {
				t.Errorf("the end: %q, %v, want %q", rest, err, want)
			}
		}
		if a := call(t, s, "GET", "/test/v1/items?count=-1", "", "Accept", "text/event-stream"); a.code != 400 || !strings.Contains(a.body, "bad count") {
			t.Errorf("a stream that fails at once: %+v, want 400", a)
		}
		if a := call(t, s, "GET", "/test/v1/shelves/a/item", "", "Accept", "text/event-stream"); a.code != 200 || a.header.Get("Content-Type") != "application/json" || a.fields(t)["name"] != "shelves/a" {
			t.Errorf("a unary call: %+v, want JSON", a)
		}
		response := get("/test/v1/items?count=-1", "application/json, text/event-stream")
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("with JSON before it: %s", got)
		}
	})
}
