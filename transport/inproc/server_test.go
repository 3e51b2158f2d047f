package inproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve returns a server with the echo service and a connection to it. Both
// are closed when the test ends.
func serve(t *testing.T, config inproc.Config, defaults ...grpc.CallOption) (*inproc.Server, *inproc.Conn) {
	t.Helper()
	server := inproc.NewServer(config)
	registerEcho(server)
	conn := server.Connect(defaults...)
	t.Cleanup(func() {
		server.Stop()
		server.GracefulStop()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, conn
}

func say(ctx context.Context, conn grpc.ClientConnInterface, text string, opts ...grpc.CallOption) (string, error) {
	reply := new(wrapperspb.StringValue)
	err := conn.Invoke(ctx, echo, wrapperspb.String(text), reply, opts...)
	return reply.GetValue(), err
}

var bidi = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

func TestRegisterServicePanics(t *testing.T) {
	typed := grpc.ServiceDesc{ServiceName: "typed", HandlerType: (*io.Reader)(nil)}
	for name, register := range map[string]func(*inproc.Server){
		"when the service is registered already":         func(s *inproc.Server) { registerEcho(s) },
		"when the implementation lacks methods":          func(s *inproc.Server) { s.RegisterService(&typed, 1) },
		"when a connection has been made":                func(s *inproc.Server) { s.Connect(); s.RegisterService(&typed, nil) },
		"when the server was stopped before it was used": func(s *inproc.Server) { s.Stop(); s.RegisterService(&typed, nil) },
		"when a connection was made and is closed":       func(s *inproc.Server) { _ = s.Connect().Close(); s.RegisterService(&typed, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			server := inproc.NewServer(inproc.Config{})
			registerEcho(server)
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(r.(string), "inproc: registering ") {
					t.Errorf("recovered %v", r)
				}
			}()
			register(server)
		})
	}
}

func TestGetServiceInfo(t *testing.T) {
	server, _ := serve(t, inproc.Config{})
	want := map[string]grpc.ServiceInfo{"inproc.Echo": {
		Methods: []grpc.MethodInfo{
			{Name: "Echo"},
			{Name: "Stream", IsClientStream: true, IsServerStream: true},
			{Name: "Repeat", IsServerStream: true},
		},
		Metadata: "echo_test.go",
	}}
	if diff := cmp.Diff(want, server.GetServiceInfo()); diff != "" {
		t.Error(diff)
	}
}

// The reflection service lists the services of the server.
func TestReflection(t *testing.T) {
	server := inproc.NewServer(inproc.Config{})
	registerEcho(server)
	reflection.Register(server)
	conn := server.Connect()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range response.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	if !slices.Contains(names, "inproc.Echo") {
		t.Errorf("services %q", names)
	}
	_ = stream.CloseSend()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	server.GracefulStop()
}

func TestUnknownMethods(t *testing.T) {
	_, conn := serve(t, inproc.Config{})
	for method, want := range map[string]string{
		"malformed":            `malformed method name: "malformed"`,
		"/un/known":            "unknown service un",
		"/inproc.Echo/Nothing": "unknown method Nothing for service inproc.Echo",
	} {
		err := conn.Invoke(t.Context(), method, wrapperspb.String("x"), new(wrapperspb.StringValue))
		if s := status.Convert(err); s.Code() != codes.Unimplemented || s.Message() != want {
			t.Errorf("%s: %v, want Unimplemented: %s", method, err, want)
		}
	}
}

func TestMaxSizes(t *testing.T) {
	_, conn := serve(t, inproc.Config{MaxRecvMsgSize: 200, MaxSendMsgSize: 100}, grpc.MaxCallSendMsgSize(300))
	for size, want := range map[int]codes.Code{
		90:  codes.OK,
		150: codes.ResourceExhausted, // for the server to send
		250: codes.ResourceExhausted, // for the server to receive
		350: codes.ResourceExhausted, // for the client to send
	} {
		if _, err := say(t.Context(), conn, strings.Repeat("x", size)); status.Code(err) != want {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
}

// grpc-go sends such a trailer, which breaks the call. The package
// documentation lists the difference.
func TestTrailerThatCannotBeSent(t *testing.T) {
	bad := metadata.MD{"a b": {"x"}}
	_, conn := serve(t, inproc.Config{
		UnaryInterceptors: []grpc.UnaryServerInterceptor{
			func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
				return nil, errors.Join(grpc.SetTrailer(ctx, bad), grpc.SetHeader(ctx, bad), grpc.SendHeader(ctx, bad))
			},
		},
		StreamInterceptors: []grpc.StreamServerInterceptor{
			func(_ any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
				stream.SetTrailer(bad)
				return nil
			},
		},
	})
	if _, err := say(t.Context(), conn, "x"); status.Code(err) != codes.Internal || strings.Count(err.Error(), `"a b"`) != 3 {
		t.Errorf("a unary call: %v", err)
	}
	stream, err := conn.NewStream(t.Context(), bidi, echoStream)
	if err == nil {
		err = stream.RecvMsg(new(wrapperspb.StringValue))
	}
	if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), `"a b"`) {
		t.Errorf("a stream: %v", err)
	}
}

// Contexts derived from a handler's context end with it, without a goroutine
// for each.
func TestContextsDerivedFromAHandlers(t *testing.T) {
	var derived []context.Context
	_, conn := serve(t, inproc.Config{UnaryInterceptors: []grpc.UnaryServerInterceptor{
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			before := runtime.NumGoroutine()
			for range 100 {
				child, cancel := context.WithCancel(ctx)
				t.Cleanup(cancel)
				derived = append(derived, child)
			}
			if more := runtime.NumGoroutine() - before; more > 10 {
				t.Errorf("100 contexts started %d goroutines", more)
			}
			return handler(ctx, req)
		},
	}})
	deadline, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for _, ctx := range []context.Context{context.Background(), deadline} {
		if _, err := say(ctx, conn, "x"); err != nil {
			t.Fatal(err)
		}
	}
	for i, ctx := range derived {
		if !errors.Is(ctx.Err(), context.Canceled) || !errors.Is(context.Cause(ctx), context.Canceled) {
			t.Errorf("context %d: %v, %v", i, ctx.Err(), context.Cause(ctx))
		}
	}
}

// The first interceptor removes a key from the metadata, for the handler of its
// own call and for nobody else.
func TestRequestMetadata(t *testing.T) {
	remove := func(ctx context.Context) (seen []metadata.MD) {
		before, _ := metadata.FromIncomingContext(ctx)
		md := grpc.ServerTransportStreamFromContext(ctx).(interface{ RequestMetadata() metadata.MD }).RequestMetadata()
		all := md.Copy()
		delete(md, "secret")
		after, _ := metadata.FromIncomingContext(ctx)
		return []metadata.MD{before, all, after}
	}
	var seen []metadata.MD
	_, conn := serve(t, inproc.Config{
		UnaryInterceptors: []grpc.UnaryServerInterceptor{func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			seen = remove(ctx)
			return next(ctx, req)
		}},
		StreamInterceptors: []grpc.StreamServerInterceptor{func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			seen = remove(s.Context())
			return next(srv, s)
		}},
	})
	calls := map[string]func(context.Context) error{
		"unary": func(ctx context.Context) error { _, err := say(ctx, conn, "a"); return err },
		"stream": func(ctx context.Context) error {
			s, err := conn.NewStream(ctx, bidi, echoStream)
			if err != nil {
				return err
			}
			if err := s.CloseSend(); err != nil {
				return err
			}
			if err := s.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
				return fmt.Errorf("want the end of the stream: %w", err)
			}
			return nil
		},
	}
	for name, call := range calls {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "secret", "a", "other", "b")
		for range 2 {
			if err := call(ctx); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			with := seen[0].Copy()
			delete(with, "secret")
			if len(seen[0]["secret"]) != 1 || len(with["other"]) != 1 || len(with["user-agent"]) != 1 {
				t.Errorf("%s: before %v", name, seen[0])
			}
			if diff := cmp.Diff([]metadata.MD{seen[0], seen[0], with}, seen); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if err := call(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(seen[1]) > 0 || len(seen[2]) == 0 {
			t.Errorf("%s: a call without metadata of its own: %v", name, seen)
		}
	}
}
