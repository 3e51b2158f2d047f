package service_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

type factsKey struct{}

// facts yields the metadata of a platform.
func facts(ctx context.Context) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if user, ok := ctx.Value(factsKey{}).(string); ok {
			_ = yield("x-lambda-user", user) && yield("X-Lambda-Role", "a") && yield("x-lambda-role", "b") &&
				yield("X-Lambda-Service-Token", "dropped") &&
				yield("outside", "dropped") && yield("x-lambda-ümlaut", "dropped") && yield("x-lambda-value", "drüpped")
		}
	}
}

// A metadataRecorder records the reserved metadata that interceptors, stats
// handlers and the handler see.
type metadataRecorder struct {
	mu   sync.Mutex
	seen map[string][]string // by metadataRecorder and key
}

func (w *metadataRecorder) saw(who string, md metadata.MD) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string][]string{}
	}
	w.seen[who] = append(w.seen[who], "called")
	for key, values := range md {
		if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(key), "_", "-"), "x-lambda-") {
			w.seen[who+" "+key] = values
		}
	}
}

func (w *metadataRecorder) take() map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func (w *metadataRecorder) incoming(who string, ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	w.saw(who, md)
}

func (w *metadataRecorder) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	w.incoming("TagRPC", ctx)
	return ctx
}

func (w *metadataRecorder) HandleRPC(_ context.Context, event stats.RPCStats) {
	if in, ok := event.(*stats.InHeader); ok {
		w.saw("InHeader", in.Header)
	}
}

func (w *metadataRecorder) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return ctx
}
func (w *metadataRecorder) HandleConn(context.Context, stats.ConnStats) {}

func (w *metadataRecorder) options(withStats bool) []service.Option {
	opts := append(bindAll(fake{
		echo: func(ctx context.Context, _ *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			w.incoming("handler", ctx)
			return &testv1.EchoResponse{}, nil
		},
		stream: func(_ *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
			w.incoming("handler", s.Context())
			return s.Send(&testv1.EchoStreamResponse{})
		},
	}),
		service.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			w.incoming("interceptor", ctx)
			return next(ctx, req)
		}),
		service.WithStreamInterceptors(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			w.incoming("interceptor", s.Context())
			return next(srv, s)
		}))
	if withStats {
		opts = append(opts, service.WithServer(func(s *transport.ServerConfig) { s.StatsHandlers = append(s.StatsHandlers, w, w) }))
	}
	return opts
}

// wantRecorded returns the records of a call for which everything sees keys.
func wantRecorded(withStats bool, keys map[string][]string) map[string][]string {
	want := map[string][]string{"interceptor": {"called"}, "handler": {"called"}}
	if withStats {
		want["TagRPC"], want["InHeader"] = []string{"called", "called"}, []string{"called", "called"}
	}
	for _, who := range slices.Collect(maps.Keys(want)) {
		for key, values := range keys {
			want[who+" "+key] = values
		}
	}
	return want
}

// forged returns metadata that a client could send to imitate the platform.
func forged() metadata.MD {
	return metadata.Pairs(
		"x-lambda-user", "mallory", "X-Lambda-Event-Authorizer-Principal", "mallory", "x-lambda-event-request-id", "forged",
		"x_lambda_user", "mallory", "x-lambda_user", "mallory", "x-lambda-user-bin", "mallory", "x-lambda-", "mallory",
		"x-lambda-service-token", "", "x-lambda-service-token", "guess", "x-lambda-service-handler-error", "1",
	)
}

// foreignClients returns the ways in which gRPC clients outside the process
// reach a Service.
func foreignClients(t *testing.T) map[string]func(*testing.T, ...service.Option) (*service.Service, *grpc.ClientConn) {
	ways := map[string]func(*testing.T, ...service.Option) (*service.Service, *grpc.ClientConn){
		"the listener of tcp": func(t *testing.T, opts ...service.Option) (*service.Service, *grpc.ClientConn) {
			address := freeAddress(t)
			return start(t, transport.TCP(address), nil, opts...), connect(t, "passthrough:///"+address)
		},
		"the socket of unix": func(t *testing.T, opts ...service.Option) (*service.Service, *grpc.ClientConn) {
			dir := t.TempDir()
			s := start(t, transport.Unix(dir), nil, opts...)
			sockets, err := filepath.Glob(filepath.Join(dir, "*", "s"))
			if err != nil || len(sockets) != 1 {
				t.Fatalf("sockets %q, %v", sockets, err)
			}
			return s, connect(t, "unix://"+sockets[0])
		},
	}
	for _, name := range []string{"unix", "bufconn", "inproc", "tcp"} {
		ways["ServeGRPC beside "+name] = func(t *testing.T, opts ...service.Option) (*service.Service, *grpc.ClientConn) {
			tr, err := transport.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			s := start(t, tr, nil, opts...)
			return s, dial(t, s)
		}
	}
	return ways
}

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestNoForeignClientSetsReservedMetadata(t *testing.T) {
	for name, connect := range foreignClients(t) {
		for _, withStats := range []bool{false, true} {
			for _, withFacts := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, stats handlers %v, facts %v", name, withStats, withFacts), func(t *testing.T) {
					var w metadataRecorder
					opts := w.options(withStats)
					if withFacts {
						opts = append(opts, service.WithReservedMetadata(facts))
					}
					_, cc := connect(t, opts...)
					ctx := metadata.NewOutgoingContext(t.Context(), metadata.Join(forged(), metadata.Pairs("x-own", "1")))
					client := testv1.NewEchoServiceClient(cc)
					if _, err := client.Echo(ctx, &testv1.EchoRequest{}); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(wantRecorded(withStats, nil), w.take()); diff != "" {
						t.Errorf("a unary call (-want +got):\n%s", diff)
					}
					stream, err := client.EchoStream(ctx, &testv1.EchoStreamRequest{})
					if err != nil {
						t.Fatal(err)
					}
					if _, err := stream.Recv(); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(wantRecorded(withStats, nil), w.take()); diff != "" {
						t.Errorf("a stream (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
}

func TestNoHTTPClientSetsReservedMetadata(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		for _, withStats := range []bool{false, true} {
			for _, withFacts := range []bool{false, true} {
				var w metadataRecorder
				// Also if the configuration allows the headers by mistake.
				opts := append(w.options(withStats), service.WithRequestHeaders("X-Lambda-User", "X_Lambda_User", "X-Lambda-Other", "X-Lambda-User-Bin", "X-Lambda-Service-Token"))
				want := map[string][]string{}
				if withFacts {
					opts = append(opts, service.WithReservedMetadata(facts))
					want = map[string][]string{"x-lambda-user": {"alice"}, "x-lambda-role": {"a", "b"}}
				}
				var log buffer
				s := start(t, tr, &log, opts...)
				for _, target := range []string{"/v1/echo/7", "/v1/echo/7/stream"} {
					r := httptest.NewRequestWithContext(context.WithValue(t.Context(), factsKey{}, "alice"), "GET", target, nil)
					for key := range forged() {
						for _, name := range []string{key, strings.ToUpper(key), "Grpc-Metadata-" + key} {
							r.Header[name] = []string{"bWFsbG9yeQ=="}
							r.Header.Add(name, "bWFsbG9yeQ==")
						}
					}
					recorder := httptest.NewRecorder()
					s.ServeHTTP(recorder, r)
					if recorder.Code != 200 {
						t.Fatalf("%d %s", recorder.Code, recorder.Body)
					}
					if diff := cmp.Diff(wantRecorded(withStats, want), w.take()); diff != "" {
						t.Errorf("%s, stats handlers %v, facts %v (-want +got):\n%s", target, withStats, withFacts, diff)
					}
				}
				if dropped := log.lines(t, "reserved metadata dropped: want a valid key under the prefix and a value in printable ASCII"); len(dropped) > 1 || (len(dropped) == 1) != withFacts {
					t.Errorf("log of what was dropped: %v", dropped)
				}
			}
		}
	})
}

func TestLogTrustsOnlyTheGateway(t *testing.T) {
	const forgedID, forgedPeer = "forged", "198.51.100.66"
	for _, name := range []string{"tcp", "ServeGRPC"} {
		t.Run(name, func(t *testing.T) {
			var log buffer
			address := freeAddress(t)
			s := start(t, transport.TCP(address), &log, append(bindAll(fake{}), service.WithReservedMetadata(func(context.Context) iter.Seq2[string, string] {
				return func(yield func(string, string) bool) { yield("x-lambda-event-request-id", "platform") }
			}))...)
			client := connect(t, "passthrough:///"+address)
			if name == "ServeGRPC" {
				client = dial(t, s)
			}
			ctx := metadata.AppendToOutgoingContext(t.Context(), "x-lambda-event-request-id", forgedID, "x-forwarded-for", forgedPeer, "x-request-id", "own")
			if _, err := testv1.NewPingServiceClient(client).Ping(ctx, &testv1.PingRequest{}); err != nil {
				t.Fatal(err)
			}
			call(t, s, "GET", "/v1/ping", "", "X-Forwarded-For", forgedPeer, "X-Lambda-Event-Request-Id", forgedID)
			got := log.lines(t, "finished call")
			if len(got) != 2 {
				t.Fatalf("log:\n%s", &log)
			}
			if peer, _ := got[0]["peer.address"].(string); !strings.HasPrefix(peer, "127.0.0.1:") || got[0]["requestId"] != "own" {
				t.Errorf("of the foreign client: %v", got[0])
			}
			if got[1]["peer.address"] != "192.0.2.1" || got[1]["requestId"] != "platform" {
				t.Errorf("of the gateway: %v", got[1])
			}
			if strings.Contains(log.String(), forgedID) || strings.Contains(log.String(), forgedPeer) {
				t.Errorf("log has something forged:\n%s", &log)
			}
		})
	}
}

func TestWithServer_RefusesABuiltServer(t *testing.T) {
	_, err := service.New(t.Context(), transport.Bufconn(), append(bindAll(fake{}),
		service.WithServer(func(s *transport.ServerConfig) { *s = transport.ServerConfig{GRPC: grpc.NewServer()} }))...)
	if err == nil || !strings.Contains(err.Error(), "ServerConfig.GRPC") {
		t.Errorf("%v, want an error that names ServerConfig.GRPC", err)
	}
}

// A foreign client may call before New knows which transport it has opened.
// The race detector reports data that this shares with the calls.
func TestForeignClientsMayCallWhileTheTransportOpens(t *testing.T) {
	for range 20 {
		address := freeAddress(t)
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for range 4 {
			client := testv1.NewPingServiceClient(connect(t, "passthrough:///"+address))
			clients.Go(func() {
				for ctx.Err() == nil {
					_, _ = client.Ping(ctx, &testv1.PingRequest{}, grpc.WaitForReady(true))
				}
			})
		}
		s := start(t, transport.FirstOf(transport.Unix("/nonexistent"), transport.TCP(address)), nil, bindAll(fake{})...)
		if got := call(t, s, "GET", "/v1/ping", ""); got.code != 200 {
			t.Errorf("%+v", got)
		}
		cancel()
		clients.Wait()
	}
}
