package inproc_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport/inproc"
)

var _ = wrapperspb.String

type empty struct{}

func emptyHandler(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	in := new(emptypb.Empty)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return &emptypb.Empty{}, nil
	}
	info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/t.T/Empty"}
	return interceptor(ctx, in, info, func(ctx context.Context, req any) (any, error) { return &emptypb.Empty{}, nil })
}

var desc = grpc.ServiceDesc{ServiceName: "t.T", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Empty", Handler: emptyHandler}}}

func BenchmarkQuick(b *testing.B) {
	ctx := context.Background()
	cctx, cancel := context.WithCancel(ctx)
	defer cancel()
	run := func(b *testing.B, cc grpc.ClientConnInterface, ctx context.Context) {
		b.ReportAllocs()
		for b.Loop() {
			out := new(emptypb.Empty)
			if err := cc.Invoke(ctx, "/t.T/Empty", &emptypb.Empty{}, out, grpc.StaticMethod()); err != nil {
				b.Fatal(err)
			}
		}
	}
	s := inproc.NewServer(inproc.Config{})
	s.RegisterService(&desc, empty{})
	cc := s.Connect()
	b.Run("inproc", func(b *testing.B) { run(b, cc, ctx) })
	b.Run("inproc-cancel", func(b *testing.B) { run(b, cc, cctx) })
	l := bufconn.Listen(64 << 10)
	gs := grpc.NewServer(grpc.NumStreamWorkers(4), grpc.StaticStreamWindowSize(1<<20))
	gs.RegisterService(&desc, empty{})
	go gs.Serve(l)
	gc, _ := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	b.Run("bufconn", func(b *testing.B) { run(b, gc, ctx) })
	gs.Stop()
	s.Stop()
	s.GracefulStop()
}
