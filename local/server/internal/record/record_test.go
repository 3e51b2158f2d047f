package record_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a handler of the test services whose calls are recorded.
func open(t testing.TB, tr transport.Transport, options ...service.Option) (*record.Recorder, *service.Service, http.Handler) {
	t.Helper()
	r := record.New(service.Bound(testservice.Options()...), "")
	all := slices.Concat([]service.Option{service.WithRPC(), service.WithLogger(slog.New(slog.DiscardHandler))}, []service.Option{service.WithObserver(r)}, testservice.Options(), options)
	s, err := service.New(t.Context(), tr, all...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, s, r.Handler(s)
}

func do(t testing.TB, h http.Handler, method, target, contentType, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// latest is the call that began last.
func latest(t *testing.T, r *record.Recorder) record.Call {
	t.Helper()
	calls := r.Calls()
	if len(calls) == 0 {
		t.Fatal("nothing is recorded")
	}
	return calls[0]
}

const (
	echo       = "/test.v1.EchoService/Echo"
	echoStream = "/test.v1.EchoService/EchoStream"
	get        = "/test.v1.TestService/Get"
)

func TestACallOfEachProtocolIsRecorded(t *testing.T) {
	r, s, h := open(t, transport.Bufconn())
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.ServeGRPC(ctx, l) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()

	overGRPC := func(address string) grpc.ClientConnInterface {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	overHTTP := func(options ...client.Option) grpc.ClientConnInterface {
		conn, err := client.New(server.URL, options...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	for name, test := range map[string]struct {
		conn      grpc.ClientConnInterface
		protocol  record.Protocol
		transport string
		http      bool
	}{
		"Connect":                   {overHTTP(), record.Connect, "bufconn", true},
		"gRPC-Web":                  {overHTTP(client.WithGRPCWeb()), record.GRPCWeb, "bufconn", true},
		"gRPC on the HTTP port":     {overGRPC(server.Listener.Addr().String()), record.GRPC, "bufconn", true},
		"gRPC on a listener of its": {overGRPC(l.Addr().String()), record.GRPC, "tcp", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := testv1.NewEchoServiceClient(test.conn)
			ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "id of "+name)
			request := &testv1.EchoRequest{Text: name, Tags: []string{"a"}}
			if _, err := c.Echo(ctx, request); err != nil {
				t.Fatal(err)
			}
			call := waitFor(t, r)
			if call.Protocol != test.protocol || call.Transport != test.transport || call.Method != echo || call.Code != codes.OK || (call.HTTP != nil) != test.http {
				t.Errorf("%+v", call)
			}
			if got := call.Metadata["x-request-id"]; len(got) != 1 || got[0] != "id of "+name {
				t.Errorf("request id %q", got)
			}
			for direction, m := range map[string]record.Messages{"request": call.Request, "response": call.Response} {
				if m.Count != 1 || len(m.Data) != 1 || int(m.Size) != proto.Size(request) {
					t.Fatalf("%s: %+v", direction, m)
				}
				message := m.Type.New().Interface()
				if err := proto.Unmarshal(m.Data[0], message); err != nil || !strings.Contains(fmt.Sprint(message), name) {
					t.Errorf("%s: %v, %v", direction, message, err)
				}
			}

			stream, err := c.EchoStream(ctx, &testv1.EchoStreamRequest{Count: 3})
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = stream.Recv()
			}
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if call := waitFor(t, r); call.Method != echoStream || call.Request.Count != 1 || call.Response.Count != 3 {
				t.Errorf("%+v", call)
			}
		})
	}
}

// waitFor returns the latest call when it has ended: a client has its answer
// before that.
func waitFor(t *testing.T, r *record.Recorder) record.Call {
	t.Helper()
	for t.Context().Err() == nil {
		if c := latest(t, r); !c.Running {
			return c
		}
		runtime.Gosched()
	}
	t.Fatal("the call does not end")
	return record.Call{}
}

func TestRESTIsRecordedWithItsRequestAndItsAnswer(t *testing.T) {
	r, _, h := open(t, transport.InProcess())
	w := do(t, h, "POST", "/v1/echo/7?text=x", "application/json", `{"text":"hello"}`)
	c := latest(t, r)
	if c.Protocol != record.REST || c.Method != echo || c.Transport != "inproc" || c.HTTP.Method != http.MethodPost || c.HTTP.Target != "/v1/echo/7?text=x" {
		t.Errorf("%+v", c)
	}
	if string(c.HTTP.Body.Data) != `{"text":"hello"}` || !c.HTTP.Body.Whole() || string(c.HTTP.Answer.Data) != w.Body.String() || c.HTTP.StatusCode != http.StatusOK {
		t.Errorf("%+v", c.HTTP)
	}
	if got := c.HTTP.AnswerHeader.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

func TestFailuresAreRecordedWithTheirStatus(t *testing.T) {
	detailed, err := status.New(codes.PermissionDenied, "not you").WithDetails(&errdetails.ErrorInfo{Reason: "WHO"})
	if err != nil {
		t.Fatal(err)
	}
	r, _, h := open(t, transport.InProcess(), service.WithUnaryInterceptors(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			switch req.(*testv1.EchoRequest).GetId() {
			case "denied":
				return nil, detailed.Err()
			case "secret":
				return nil, errors.New("what clients do not see")
			case "panic":
				panic("oh")
			}
			return next(ctx, req)
		}))
	for target, want := range map[string]struct {
		code    codes.Code
		message string
		details int
		method  string
	}{
		"/v1/echo/denied":            {codes.PermissionDenied, "not you", 1, echo},
		"/v1/echo/secret":            {codes.Unknown, "what clients do not see", 0, echo},
		"/v1/echo/panic":             {codes.Internal, "panic in a handler", 0, echo},
		"/v1/echo/7?number=x":        {codes.InvalidArgument, "", 0, echo},
		"/v1/echo/7/stream?count=-1": {codes.InvalidArgument, "count and interval: want no negative number", 0, echoStream},
		"/v1/nothing":                {codes.NotFound, "Not Found", 0, ""},
	} {
		do(t, h, "GET", target, "", "")
		c := latest(t, r)
		if c.Running || c.Code != want.code || c.Method != want.method || len(c.Status.GetDetails()) != want.details ||
			want.message != "" && c.Status.GetMessage() != want.message {
			t.Errorf("%s: %+v", target, c)
		}
	}
}

func TestHealthAndReflectionAreNotRecorded(t *testing.T) {
	r, _, h := open(t, transport.InProcess(), service.WithInterceptedHealth())
	if w := do(t, h, "GET", "/healthz", "", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	do(t, h, "POST", grpc_health_v1.Health_Check_FullMethodName, "application/json", "{}")
	if calls := r.Calls(); len(calls) != 0 {
		t.Errorf("%+v", calls)
	}
}

func TestHandlersSeeWhatTheySeeWithoutARecorder(t *testing.T) {
	seen := func(with bool) (keys []string) {
		see := service.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			for key := range md {
				keys = append(keys, key)
			}
			return next(ctx, req)
		})
		r := record.New(nil, "")
		var options []service.Option
		if with {
			options = append(options, service.WithObserver(r))
		}
		s, err := service.New(t.Context(), transport.InProcess(), slices.Concat(options, testservice.Options(), []service.Option{see})...)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var h http.Handler = s
		if with {
			h = r.Handler(s)
		}
		do(t, h, "GET", "/v1/echo/7", "", "")
		slices.Sort(keys)
		return keys
	}
	without := seen(false)
	if diff := cmp.Diff(without, seen(true)); diff != "" || len(without) == 0 {
		t.Errorf("-without +with\n%s", diff)
	}
}

func TestAnAnswerThatBreaksOffIsRecordedAsThat(t *testing.T) {
	r := record.New(nil, "")
	h := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "begun")
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() {
			v := recover()
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("the panic became %v", v)
			}
		}()
		do(t, h, "GET", "/", "", "")
	}()
	if c := latest(t, r); c.Running || c.Code != codes.Unavailable || string(c.HTTP.Answer.Data) != "begun" {
		t.Errorf("%+v", c)
	}
}

func TestACallIsThereWhileItRuns(t *testing.T) {
	r := record.New(nil, "")
	h := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		before := r.Version()
		fmt.Fprint(w, "one")
		c := latest(t, r)
		if !c.Running || c.HTTP.Answer.Size != 3 || r.Version() == before {
			t.Errorf("%+v", c)
		}
	}))
	do(t, h, "GET", "/", "", "")
	if c := latest(t, r); c.Running || c.Duration <= 0 {
		t.Errorf("%+v", c)
	}
	if c, ok := r.Call(1); !ok || c.ID != 1 {
		t.Errorf("call 1: %+v", c)
	}
	for _, id := range []uint64{0, 2, 201, 1<<64 - 1} {
		if c, ok := r.Call(id); ok {
			t.Errorf("call %d: %+v", id, c)
		}
	}
}

func TestTheCodeOfAnAnswerWithoutAnRPC(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		header  http.Header
		body    string
		code    codes.Code
		message string
		details int
	}{
		"success":                   {200, nil, `{"code":5}`, codes.OK, "", 0},
		"REST":                      {404, nil, `{"code":5,"message":"no shelf","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"X"}]}`, codes.NotFound, "no shelf", 1},
		"a stream over REST":        {400, nil, `{"error":{"code":3,"message":"count","details":[]}}`, codes.InvalidArgument, "count", 0},
		"Connect":                   {404, nil, `{"code":"not_found","message":"no shelf","details":[{"type":"google.rpc.ErrorInfo","value":"CgFY"}]}`, codes.NotFound, "no shelf", 1},
		"gRPC":                      {200, http.Header{"Grpc-Status": {"7"}, "Grpc-Message": {"no"}}, "", codes.PermissionDenied, "no", 0},
		"gRPC in trailers":          {200, http.Header{"Trailer:Grpc-Status": {"7"}, "Trailer:Grpc-Message": {"no"}}, "", codes.PermissionDenied, "no", 0},
		"a code that is no number":  {200, http.Header{"Grpc-Status": {"x"}}, "", codes.Unknown, "", 0},
		"a page":                    {503, nil, "<html>", codes.Unavailable, "", 0},
		"a document without a code": {429, nil, `{"message":"Too Many Requests"}`, codes.ResourceExhausted, "", 0},
		"no body":                   {504, nil, "", codes.DeadlineExceeded, "", 0},
	} {
		r := record.New(nil, "")
		h := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), test.header)
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		}))
		do(t, h, "GET", "/", "", "")
		if c := latest(t, r); c.Code != test.code || c.Status.GetMessage() != test.message || len(c.Status.GetDetails()) != test.details {
			t.Errorf("%s: %v %v", name, c.Code, c.Status)
		}
	}
}

func TestTheMethodOfARequestComesFromItsBinding(t *testing.T) {
	services := service.Bound(testservice.Options()...)
	services["test.v1.TestService"] = grpc.ServiceInfo{Methods: []grpc.MethodInfo{{Name: "Get"}}}
	r := record.New(services, "/dev")
	h := r.Handler(http.NotFoundHandler())
	for request, want := range map[string]string{
		"GET /dev/v1/echo/7":                             echo,
		"POST /dev/v1/echo/7":                            echo,
		"GET /dev/v1/echo/7/stream?x=y":                  echoStream,
		"PUT /dev/v1/echo/7":                             "",
		"GET /dev/v1/echo/7/8":                           "",
		"GET /dev/v1/echo/":                              "",
		"GET /dev/v1/echo/7%2F8":                         echo,
		"GET /dev/test/v1/shelves/1/item":                get,
		"GET /dev/test/v1/shelves//item":                 "",
		"GET /dev/test/v1/files/":                        get,
		"GET /dev/test/v1/files/a/b":                     get,
		"GET /dev/test/v1/shelves/1/items/2/3:read":      get,
		"GET /dev/test/v1/shelves/1/items/2/3:write":     "",
		"GET /dev/v1/ping":                               "/test.v1.PingService/Ping",
		"POST /dev" + echo:                               echo,
		"POST /dev" + echo + "x":                         "",
		"GET /dev/" + strings.Repeat("/v1/echo/7", 1000): "",
	} {
		method, target, _ := strings.Cut(request, " ")
		do(t, h, method, target, "application/json", "")
		if got := latest(t, r).Method; got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

// Each call has one text in its header, metadata, body and messages. No other call has
// it, although calls use the memory of others.
func TestCallsCanBeReadWhileTheyHappen(t *testing.T) {
	r, _, h := open(t, transport.InProcess())
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 200 {
				text := fmt.Sprintf("<%d-%d>", worker, i)
				request := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/echo/7", strings.NewReader(`{"text":"`+text+`"}`))
				request.Header.Set("X-Request-Id", text)
				h.ServeHTTP(httptest.NewRecorder(), request)
				do(t, h, "GET", "/v1/echo/7/stream?count=3", "", "")
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for {
		for _, c := range r.Calls() {
			text := c.HTTP.Header.Get("X-Request-Id")
			if text == "" || c.Running {
				continue
			}
			if got := c.Metadata.Get("x-request-id"); !slices.Equal(got, []string{text}) {
				t.Errorf("call %s has the metadata of %s", text, got)
			}
			for _, data := range [][]byte{c.HTTP.Body.Data, c.Request.Data[0], c.Response.Data[0]} {
				if !strings.Contains(string(data), text) {
					t.Errorf("call %s has %q", text, data)
				}
			}
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestACallThatOutlivesTheKeptOnesChangesNoOther(t *testing.T) {
	r := record.New(nil, "")
	others := r.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	begin := func() record.Call {
		for range record.MaxCalls {
			do(t, others, "GET", "/other", "", "")
		}
		return latest(t, r)
	}
	t.Run("HTTP", func(t *testing.T) {
		do(t, r.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			tag := r.Tag(req.Context())
			last := begin()
			if _, err := io.Copy(w, req.Body); err != nil {
				t.Error(err)
			}
			r.Begin(tag, echo, "tcp", metadata.Pairs("a", "b")).End(errors.New("late"))
			w.(http.Flusher).Flush()
			unchanged(t, r, last)
		})), "POST", "/", "", "late")
	})
	t.Run("RPC", func(t *testing.T) {
		rpc := r.Begin("", echo, "tcp", nil)
		last := begin()
		rpc.Received(&testv1.EchoRequest{Text: "late"})
		rpc.Sent(&testv1.EchoResponse{})
		rpc.End(errors.New("late"))
		unchanged(t, r, last)
	})
}

// unchanged checks that the calls up to last are all that r keeps and have none of
// what came late.
func unchanged(t *testing.T, r *record.Recorder, last record.Call) {
	t.Helper()
	calls := r.Calls()
	if len(calls) != record.MaxCalls || calls[0].ID != last.ID {
		t.Errorf("%d calls, the latest is %d, want %d", len(calls), calls[0].ID, last.ID)
	}
	for _, c := range calls {
		if c.HTTP.Target != "/other" || c.HTTP.Body.Size+c.HTTP.Answer.Size > 0 || c.Code != codes.OK || c.Method != "" || c.Request.Count+c.Response.Count > 0 {
			t.Fatalf("%+v %+v", c, c.HTTP)
		}
	}
}

func TestARequestThatMakesSeveralCallsHasTheMetadataOfTheFirst(t *testing.T) {
	r := record.New(nil, "")
	do(t, r.Handler(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		for _, n := range []string{"1", "2"} {
			rpc := r.Begin(r.Tag(req.Context()), echo, "tcp", metadata.Pairs("call", n))
			rpc.Received(&testv1.EchoRequest{})
			rpc.End(status.Error(codes.NotFound, n))
		}
	})), "GET", "/", "", "")
	c := latest(t, r)
	if !slices.Equal(c.Metadata["call"], []string{"1"}) || c.Request.Count != 2 || c.Status.GetMessage() != "2" {
		t.Errorf("%+v", c)
	}
}

func TestTrailersAreRecordedWithTheHeader(t *testing.T) {
	for name, test := range map[string]struct {
		announced, set string
		want           bool
	}{
		"announced":                         {"X-Sum", "X-Sum", true},
		"with a prefix":                     {"", http.TrailerPrefix + "X-Sum", true},
		"a header after the response began": {"", "X-Sum", false},
	} {
		r := record.New(nil, "")
		do(t, r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if test.announced != "" {
				w.Header().Set("Trailer", test.announced)
			}
			w.Header().Set("X-First", "1")
			fmt.Fprint(w, "body")
			w.Header().Set(test.set, "2")
		})), "GET", "/", "", "")
		h := latest(t, r).HTTP.AnswerHeader
		if h.Get("X-First") != "1" || (h.Get(test.set) == "2") != test.want {
			t.Errorf("%s: %v", name, h)
		}
	}
}
