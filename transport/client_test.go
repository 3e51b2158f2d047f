package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestClientInterceptorsSeeEveryCallInOrder(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var seen []string
		s := healthServer(nil)
		for _, name := range []string{"a", "b"} {
			s.UnaryClientInterceptors = append(s.UnaryClientInterceptors, func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				if cc.Target() == "" {
					t.Error("the ClientConn has no target")
				}
				seen = append(seen, name+method)
				return invoke(metadata.AppendToOutgoingContext(ctx, "seen", name), method, req, reply, cc, opts...)
			})
			s.StreamClientInterceptors = append(s.StreamClientInterceptors, func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, stream grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				seen = append(seen, name+method)
				return stream(metadata.AppendToOutgoingContext(ctx, "seen", name), desc, cc, method, opts...)
			})
		}
		var received []string
		s.UnaryInterceptors = []grpc.UnaryServerInterceptor{func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			received = append(received, metadata.ValueFromIncomingContext(ctx, "seen")...)
			return next(ctx, req)
		}}
		conn := open(t, tr, s)
		checkHealth(t, conn)
		watch(t, conn, codes.Unimplemented)
		want := []string{
			"a/grpc.health.v1.Health/Check", "b/grpc.health.v1.Health/Check",
			"a/grpc.health.v1.Health/Watch", "b/grpc.health.v1.Health/Watch",
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("interceptors (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"a", "b"}, received); diff != "" {
			t.Errorf("metadata that interceptors added (-want +got):\n%s", diff)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if _, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err == nil {
			t.Error("a call after Close succeeds")
		}
	})
}

// watch makes a streaming call and reads to its end.
func watch(t *testing.T, conn grpc.ClientConnInterface, want codes.Code) {
	t.Helper()
	stream, err := grpc_health_v1.NewHealthClient(conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if status.Code(err) != want {
		t.Errorf("Watch ended with %v, want %v", err, want)
	}
}

type tagKey struct{}

// clientEvents is a stats handler that records its events.
type clientEvents struct {
	mu     sync.Mutex
	events []string
}

func (c *clientEvents) record(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, fmt.Sprintf(format, args...))
}

func (c *clientEvents) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c.record("tag %s, fail fast %t", info.FullMethodName, info.FailFast)
	ctx = metadata.AppendToOutgoingContext(ctx, "trace", "injected")
	return context.WithValue(ctx, tagKey{}, info.FullMethodName)
}

func (c *clientEvents) HandleRPC(ctx context.Context, event stats.RPCStats) {
	text := fmt.Sprintf("%T, client %t, tagged %v: ", event, event.IsClient(), ctx.Value(tagKey{}))
	switch e := event.(type) {
	case *stats.Begin:
		text += fmt.Sprint(!e.BeginTime.IsZero(), e.FailFast, e.IsClientStream, e.IsServerStream)
	case *stats.OutHeader:
		text += fmt.Sprint(e.FullMethod, map[string][]string(e.Header), e.RemoteAddr != nil, e.LocalAddr != nil, e.Compression)
	case *stats.OutPayload:
		text += fmt.Sprintf("%T %d %d %d %t", e.Payload, e.Length, e.WireLength, e.CompressedLength, !e.SentTime.IsZero())
	case *stats.InHeader:
		text += fmt.Sprint(map[string][]string(e.Header), e.Compression)
	case *stats.InPayload:
		text += fmt.Sprintf("%T %d %d %d %t", e.Payload, e.Length, e.WireLength, e.CompressedLength, !e.RecvTime.IsZero())
	case *stats.InTrailer:
		text += fmt.Sprint(map[string][]string(e.Trailer))
	case *stats.End:
		text += fmt.Sprint(map[string][]string(e.Trailer), e.Error, e.EndTime.Before(e.BeginTime), e.BeginTime.IsZero())
	}
	c.record("%s", text)
}

func (c *clientEvents) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	c.record("connection, addresses %t %t", info.RemoteAddr != nil, info.LocalAddr != nil)
	return context.WithValue(ctx, tagKey{}, "connection")
}

func (c *clientEvents) HandleConn(ctx context.Context, event stats.ConnStats) {
	c.record("%T, client %t, tagged %v", event, event.IsClient(), ctx.Value(tagKey{}))
}

func (c *clientEvents) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.events
	c.events = nil
	// Over a socket the server may answer before the client reports what it has
	// sent, and the trailer may arrive while the client decodes a message.
	slices.SortStableFunc(taken, func(a, b string) int { return rank(a) - rank(b) })
	return taken
}

func rank(event string) int {
	return 1 + slices.IndexFunc([]string{"InHeader", "InPayload", "InTrailer", "End"}, func(name string) bool {
		return strings.HasPrefix(event, "*stats."+name)
	})
}

// watcher is a health service whose Watch does what the request says.
type watcher struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (watcher) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if got := metadata.ValueFromIncomingContext(ctx, "trace"); !slices.Equal(got, []string{"injected"}) {
		return nil, status.Errorf(codes.Internal, "trace is %q", got)
	}
	_ = grpc.SetTrailer(ctx, metadata.Pairs("t", "1"))
	if r.GetService() == "fail" {
		return nil, status.Error(codes.NotFound, "as asked")
	}
	if r.GetService() == "send, fail" {
		_ = grpc.SendHeader(ctx, metadata.Pairs("h", "1"))
		return nil, status.Error(codes.NotFound, "as asked")
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

func (watcher) Watch(r *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	for range strings.Count(r.GetService(), "send") {
		if err := stream.Send(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}); err != nil {
			return err
		}
	}
	if strings.Contains(r.GetService(), "fail") {
		return status.Error(codes.NotFound, "as asked")
	}
	return nil
}

// Every transport reports the same events to a client's stats handlers as
// unix.
func TestClientStatsHandlersSeeTheSameEventsAsOverUnix(t *testing.T) {
	calls := map[string]func(context.Context, grpc_health_v1.HealthClient){}
	for _, service := range []string{"", "fail", "send, fail"} {
		calls["unary: "+service] = func(ctx context.Context, c grpc_health_v1.HealthClient) {
			_, _ = c.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		}
	}
	for _, service := range []string{"", "send", "send, send", "fail", "send, fail"} {
		calls["stream: "+service] = func(ctx context.Context, c grpc_health_v1.HealthClient) {
			stream, err := c.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
			for err == nil {
				_, err = stream.Recv()
			}
		}
	}
	calls["unary: with a deadline that has passed"] = func(ctx context.Context, c grpc_health_v1.HealthClient) {
		ctx, cancel := context.WithTimeout(ctx, 0)
		defer cancel()
		_, _ = c.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	}
	calls["unary: with metadata that cannot be sent"] = func(ctx context.Context, c grpc_health_v1.HealthClient) {
		_, _ = c.Check(metadata.AppendToOutgoingContext(ctx, "a b", "c"), &grpc_health_v1.HealthCheckRequest{})
	}
	calls["unary: a request over the limit"] = func(ctx context.Context, c grpc_health_v1.HealthClient) {
		_, _ = c.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "long"}, grpc.MaxCallSendMsgSize(2))
	}
	calls["stream: an unknown method"] = func(ctx context.Context, c grpc_health_v1.HealthClient) {
		ctx = metadata.AppendToOutgoingContext(ctx, "k", "v")
		_, _ = c.List(ctx, &grpc_health_v1.HealthListRequest{}, grpc.CallAuthority("other"))
	}
	record := func(t *testing.T, tr transport.Transport) map[string][]string {
		var handler clientEvents
		conn := open(t, tr, transport.ServerConfig{
			Register:            func(r grpc.ServiceRegistrar) { grpc_health_v1.RegisterHealthServer(r, watcher{}) },
			ClientStatsHandlers: []stats.Handler{&handler},
		})
		got := map[string][]string{"open": handler.take()}
		for name, call := range calls {
			call(t.Context(), grpc_health_v1.NewHealthClient(conn))
			got[name] = handler.take()
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		return got
	}
	want := record(t, transport.Unix(t.TempDir()))
	if text := strings.Join(want["unary: "], "\n"); !strings.Contains(text, "InPayload") || !strings.Contains(text, "stats.End") {
		t.Fatalf("events over unix: %s", text)
	}
	each(t, func(t *testing.T, tr transport.Transport) {
		if diff := cmp.Diff(want, record(t, tr)); diff != "" {
			t.Errorf("events (-unix +%s):\n%s", tr.Name(), diff)
		}
	})
}

func TestDialOptionsAreHonouredOrRefused(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		s := healthServer(nil)
		s.DialOptions = []grpc.DialOption{grpc.WithUserAgent("mine")}
		var agent []string
		s.UnaryInterceptors = []grpc.UnaryServerInterceptor{func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			agent = metadata.ValueFromIncomingContext(ctx, "user-agent")
			return next(ctx, req)
		}}
		conn, err := tr.Open(t.Context(), s)
		if tr.Name() == "inproc" {
			if err == nil || !strings.Contains(err.Error(), "ServerConfig.DialOptions") {
				t.Errorf("error = %v, want one that names ServerConfig.DialOptions", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		checkHealth(t, conn)
		if len(agent) != 1 || !strings.HasPrefix(agent[0], "mine ") {
			t.Errorf("user agent %q, want mine", agent)
		}
	})
}

// big is a health service with responses of 5 MB.
type big struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (big) List(context.Context, *grpc_health_v1.HealthListRequest) (*grpc_health_v1.HealthListResponse, error) {
	return &grpc_health_v1.HealthListResponse{Statuses: map[string]*grpc_health_v1.HealthCheckResponse{strings.Repeat("x", 5<<20): {}}}, nil
}

func TestServerBuiltByTheCallerSendsMoreThanFourMiB(t *testing.T) {
	for _, tr := range []transport.Transport{transport.Unix(t.TempDir()), transport.Bufconn(), transport.TCP("localhost:0")} {
		for name, test := range map[string]struct {
			options []grpc.DialOption
			want    codes.Code
		}{
			"by default":       {nil, codes.OK},
			"unless told else": {[]grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(4 << 20))}, codes.ResourceExhausted},
		} {
			t.Run(tr.Name()+" "+name, func(t *testing.T) {
				built := grpc.NewServer()
				grpc_health_v1.RegisterHealthServer(built, big{})
				var seen int
				conn := open(t, tr, transport.ServerConfig{
					GRPC:        built,
					DialOptions: test.options,
					UnaryClientInterceptors: []grpc.UnaryClientInterceptor{func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
						seen++
						return invoke(ctx, method, req, reply, cc, opts...)
					}},
				})
				_, err := grpc_health_v1.NewHealthClient(conn).List(t.Context(), &grpc_health_v1.HealthListRequest{})
				if status.Code(err) != test.want {
					t.Errorf("error = %v, want %v", err, test.want)
				}
				if seen != 1 {
					t.Errorf("client interceptor ran %d times, want once", seen)
				}
			})
		}
	}
}

// A foreign client of a transport's listener passes through the same
// interceptors. These can recognize the Conn's calls by a secret that only
// the Conn sends.
func TestForeignClientsPassTheInterceptors(t *testing.T) {
	dir := t.TempDir()
	s := healthServer(nil)
	s.UnaryInterceptors = []grpc.UnaryServerInterceptor{func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if got := metadata.ValueFromIncomingContext(ctx, "token"); !slices.Equal(got, []string{"secret"}) {
			return nil, status.Error(codes.Unauthenticated, "no token")
		}
		return next(ctx, req)
	}}
	s.UnaryClientInterceptors = []grpc.UnaryClientInterceptor{func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoke(metadata.AppendToOutgoingContext(ctx, "token", "secret"), method, req, reply, cc, opts...)
	}}
	for tr, address := range map[transport.Transport]func() string{
		transport.Unix(dir):              func() string { return "unix:" + socketPath(t, dir) },
		transport.TCP("127.0.0.1:47163"): func() string { return "127.0.0.1:47163" },
	} {
		conn := open(t, tr, s)
		checkHealth(t, conn)
		foreign, err := grpc.NewClient(address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer foreign.Close()
		_, err = grpc_health_v1.NewHealthClient(foreign).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: a foreign client got %v, want Unauthenticated", tr.Name(), err)
		}
	}
}
