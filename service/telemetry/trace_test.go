package telemetry_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

var transports = []string{"inproc", "bufconn", "unix", "tcp"}

// newService returns a Service with the example services.
func newService(t *testing.T, transportName string, options ...service.Option) *service.Service {
	t.Helper()
	tr, err := transport.Parse(transportName)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := service.New(t.Context(), tr, append(append(testservice.Options(),
		service.WithRPC(),
		service.WithReservedMetadata(eventmd.FromContext),
		service.WithLogger(slog.New(slog.DiscardHandler)),
	), options...)...)
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

// flush exports the recorded data.
func flush(t *testing.T, svc *service.Service) {
	t.Helper()
	if err := svc.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

// ask sends a request to h. headers alternates names and values.
func ask(t *testing.T, h http.Handler, method, target, body string, headers ...string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
}

const (
	xrayTrace   = "5759e988bd862e3fe1be46a994272793"
	xrayParent  = "53995c3f42cd8ad8"
	xrayHeader  = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a:0"
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

// requests returns functions that send requests to a front end or a plain
// server, by the names of their spans. What follows a # is not in the names.
func requests() map[string]func(*testing.T, http.Handler, ...string) {
	const connectStream, webStream = "\x00\x00\x00\x00\x0b{\"count\":3}", "\x00\x00\x00\x00\x02\x10\x03" // EchoStreamRequest.count is 3
	rpc := func(method, contentType, body string) func(*testing.T, http.Handler, ...string) {
		return func(t *testing.T, h http.Handler, headers ...string) {
			ask(t, h, "POST", "http://api.example/test.v1.EchoService/"+method, body, append(headers, "Content-Type", contentType)...)
		}
	}
	return map[string]func(*testing.T, http.Handler, ...string){
		"GET /v1/ping test.v1.PingService/Ping": func(t *testing.T, h http.Handler, headers ...string) {
			ask(t, h, "GET", "http://api.example/v1/ping", "", headers...)
		},
		"POST /v1/echo/{id} test.v1.EchoService/Echo": func(t *testing.T, h http.Handler, headers ...string) {
			ask(t, h, "POST", "http://api.example/v1/echo/7?n=1", `{"text":"x"}`, headers...)
		},
		"GET /v1/echo/{id}/stream test.v1.EchoService/EchoStream": func(t *testing.T, h http.Handler, headers ...string) {
			ask(t, h, "GET", "http://api.example/v1/echo/7/stream?count=3", "", headers...)
		},
		"POST /test.v1.EchoService/Echo test.v1.EchoService/Echo":                      rpc("Echo", "application/json", `{"text":"x"}`),
		"POST /test.v1.EchoService/Echo test.v1.EchoService/Echo#grpc-web":             rpc("Echo", "application/grpc-web+proto", "\x00\x00\x00\x00\x00"),
		"POST /test.v1.EchoService/EchoStream test.v1.EchoService/EchoStream":          rpc("EchoStream", "application/connect+json", connectStream),
		"POST /test.v1.EchoService/EchoStream test.v1.EchoService/EchoStream#grpc-web": rpc("EchoStream", "application/grpc-web+proto", webStream),
	}
}

// checkTrace checks that the spans are those of one request: HTTP server,
// client, RPC server.
func checkTrace(t *testing.T, spans []span, name, trace, parent string) {
	t.Helper()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3: %+v", len(spans), spans)
	}
	name, _, _ = strings.Cut(name, "#")
	method := name[strings.LastIndexByte(name, ' ')+1:]
	for i, want := range []span{
		{Name: strings.TrimSuffix(name, " "+method), Kind: "SERVER", Parent: parent},
		{Name: method, Kind: "CLIENT", Parent: spans[0].ID},
		{Name: method, Kind: "SERVER", Parent: spans[1].ID},
	} {
		got := spans[i]
		if got.Name != want.Name || got.Kind != want.Kind || got.Parent != want.Parent || got.Trace != trace || got.Failed {
			t.Errorf("span %d: %+v\nwant %s, %s, parent %q, trace %s", i, got, want.Name, want.Kind, want.Parent, trace)
		}
	}
}

func TestOneTraceARequest(t *testing.T) {
	c := newCollector(t)
	for _, transportName := range transports {
		t.Run(transportName, func(t *testing.T) {
			svc := newService(t, transportName, telemetry.With(), service.WithFlushAfterResponse())
			for _, source := range frontdoor.Sources() {
				for _, streaming := range []bool{false, true} {
					var options []frontdoor.Option
					if streaming {
						if source != frontdoor.FunctionURL && source != frontdoor.RESTAPI {
							continue
						}
						options = append(options, frontdoor.WithStreaming())
					}
					door, err := frontdoor.New(emulator.InProcess(event.NewHandler(svc)), source, options...)
					if err != nil {
						t.Fatal(err)
					}
					t.Run(fmt.Sprintf("%s, streamed %v", source, streaming), func(t *testing.T) {
						for name, send := range requests() {
							send(t, door, "X-Amzn-Trace-Id", xrayHeader, "Traceparent", traceparent, "Tracestate", "a=b")
							flush(t, svc)
							spans := c.taken()
							checkTrace(t, spans, name, xrayTrace, xrayParent)
							checkFacts(t, spans[0], source, name)
						}
					})
				}
			}
			t.Run("without Lambda", func(t *testing.T) {
				for name, send := range requests() {
					send(t, svc)
					flush(t, svc)
					spans := c.taken()
					checkTrace(t, spans, name, spans[0].Trace, "")
					if v, ok := spans[0].Attributes["faas.coldstart"]; ok {
						t.Errorf("faas.coldstart is %s", v)
					}
				}
			})
		})
	}
}

// checkFacts checks the event's attributes in the first span.
func checkFacts(t *testing.T, s span, source frontdoor.Source, name string) {
	t.Helper()
	_, route, _ := strings.Cut(name[:strings.LastIndexByte(name, ' ')], " ")
	want := map[string]string{
		"lambda.event.source": strings.TrimSuffix(string(source), "-multi"), "http.route": route, "faas.trigger": "http",
		"client.address": "192.0.2.1", "http.response.status_code": "int_value:200",
		"cloud.resource_id": "arn:aws:lambda:us-east-1:123456789012:function:function",
	}
	for key, value := range want {
		if got := s.Attributes[key]; got != value {
			t.Errorf("%s is %q, want %q", key, got, value)
		}
	}
	for _, key := range []string{"aws.request_id", "faas.invocation_id", "faas.coldstart", "url.path"} {
		if s.Attributes[key] == "" {
			t.Errorf("no %s in %v", key, s.Attributes)
		}
	}
	for key, value := range s.Attributes {
		if strings.Contains(value, "n=1") {
			t.Errorf("%s has the query: %s", key, value)
		}
	}
	if link := clientTrace + "/" + clientSpan; len(s.Links) != 1 || s.Links[0] != link || s.TraceState != "" {
		t.Errorf("links %v, trace state %q, want a link to the client's span %s", s.Links, s.TraceState, link)
	}
}

func TestParents(t *testing.T) {
	root := func(header string) string {
		return strings.TrimSuffix(header, ";Parent="+xrayParent+";Sampled=1;Lineage=1:a:0")
	}
	const link = clientTrace + "/" + clientSpan
	for name, test := range map[string]struct {
		env           string // OTEL_PROPAGATORS
		options       []telemetry.Option
		xray, client  string // headers
		trace, parent string // "": a new one
		link          string
		none          bool // no span
	}{
		"no header":                               {},
		"a client's is linked":                    {client: traceparent, link: link},
		"a client's is followed":                  {options: follow(), client: traceparent, trace: clientTrace, parent: clientSpan},
		"a client's that is not sampled":          {client: traceparent[:53] + "00", link: link},
		"a followed client's that is not sampled": {options: follow(), client: traceparent[:53] + "00", none: true},
		"a malformed one is nothing":              {options: follow(), client: "00-xyz-01"},
		"X-Ray's":                                 {xray: xrayHeader, trace: xrayTrace, parent: xrayParent},
		"X-Ray's before a followed client's":      {options: follow(), xray: xrayHeader, client: traceparent, trace: xrayTrace, parent: xrayParent, link: link},
		"X-Ray's without a parent":                {xray: root(xrayHeader), client: traceparent, link: link},
		"X-Ray's that is not sampled":             {xray: strings.Replace(xrayHeader, "Sampled=1", "Sampled=0", 1), none: true},
		"X-Ray's without a decision":              {xray: strings.Replace(xrayHeader, "Sampled=1", "Sampled=?", 1), trace: xrayTrace, parent: xrayParent},
		"X-Ray's is not wanted":                   {env: "tracecontext", xray: strings.Replace(xrayHeader, "Sampled=1", "Sampled=0", 1), client: traceparent, link: link},
		"a client's is not wanted":                {env: "xray", options: follow(), client: traceparent},
		"nobody's is wanted":                      {env: "none", options: follow(), xray: xrayHeader, client: traceparent},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			t.Setenv("OTEL_PROPAGATORS", test.env)
			svc := newService(t, "inproc", telemetry.With(test.options...))
			door, err := frontdoor.New(emulator.InProcess(event.NewHandler(svc)), frontdoor.HTTPAPI)
			if err != nil {
				t.Fatal(err)
			}
			var headers []string
			if test.xray != "" {
				headers = append(headers, "X-Amzn-Trace-Id", test.xray)
			}
			if test.client != "" {
				headers = append(headers, "Traceparent", test.client)
			}
			ask(t, door, "GET", "/v1/ping", "", headers...)
			flush(t, svc)
			spans := c.taken()
			if test.none {
				if len(spans) > 0 {
					t.Errorf("%+v", spans)
				}
				return
			}
			trace := test.trace
			if trace == "" && len(spans) > 0 {
				if trace = spans[0].Trace; trace == clientTrace || trace == xrayTrace {
					t.Errorf("the trace is %s, want a new one", trace)
				}
			}
			checkTrace(t, spans, "GET /v1/ping test.v1.PingService/Ping", trace, test.parent)
			if got := strings.Join(spans[0].Links, " "); got != test.link {
				t.Errorf("links %q, want %q", got, test.link)
			}
		})
	}
}

func follow() []telemetry.Option { return []telemetry.Option{telemetry.FollowClients()} }
