package inproc_test

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// These are the names of an echo service, in the form of generated code.
const (
	echo       = "/inproc.Echo/Echo"
	echoStream = "/inproc.Echo/Stream"
	repeat     = "/inproc.Echo/Repeat"
	repeats    = 1000
)

func registerEcho(r grpc.ServiceRegistrar) { r.RegisterService(&echoDesc, nil) }

var echoDesc = grpc.ServiceDesc{
	ServiceName: "inproc.Echo",
	HandlerType: (*any)(nil),
	Metadata:    "echo_test.go",
	Methods:     []grpc.MethodDesc{{MethodName: "Echo", Handler: handleEcho}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Stream", Handler: handleStream, ClientStreams: true, ServerStreams: true},
		{StreamName: "Repeat", Handler: handleRepeat, ServerStreams: true},
	},
}

func handleEcho(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.StringValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	handler := func(_ context.Context, req any) (any, error) {
		return wrapperspb.String(req.(*wrapperspb.StringValue).GetValue()), nil
	}
	if interceptor == nil {
		return handler(ctx, in)
	}
	return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: echo}, handler)
}

func handleStream(_ any, stream grpc.ServerStream) error {
	in := new(wrapperspb.StringValue)
	for {
		if err := stream.RecvMsg(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
}

func handleRepeat(_ any, stream grpc.ServerStream) error {
	in := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	for range repeats {
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
	return nil
}
