package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// statusError is an error that has a status, which may be nil.
type statusError struct{ st *status.Status }

func (e statusError) Error() string              { return "an error of the application's own" }
func (e statusError) GRPCStatus() *status.Status { return e.st }

func detailed(message string) error {
	st := status.New(codes.FailedPrecondition, message)
	with, err := st.WithDetails(durationpb.New(42), wrapperspb.String("détail"))
	if err != nil {
		return err
	}
	return with.Err()
}

// handlerErrors are errors that a handler may return.
var handlerErrors = []struct {
	name string
	err  error
}{
	{"a plain error", errors.New("plain")},
	{"an empty error", errors.New("")},
	{"EOF", io.EOF},
	{"unexpected EOF", io.ErrUnexpectedEOF},
	{"cancelled", context.Canceled},
	{"expired", context.DeadlineExceeded},
	{"wrapped cancelled", fmt.Errorf("wrapped: %w", context.Canceled)},
	{"wrapped expired", fmt.Errorf("wrapped: %w", context.DeadlineExceeded)},
	{"a status", status.Error(codes.NotFound, "nothing here")},
	{"a wrapped status", fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "nothing here"))},
	{"a wrapped status with details", fmt.Errorf("wrapped: %w", detailed("inner"))},
	{"a joined status", errors.Join(errors.New("first"), status.Error(codes.DataLoss, "second"))},
	{"an error with a status", statusError{status.New(codes.ResourceExhausted, "its status")}},
	{"an error with the status OK", statusError{status.New(codes.OK, "not an error?")}},
	{"an error with a nil status", statusError{nil}},
	{"a wrapped error with a nil status", fmt.Errorf("wrapped: %w", statusError{nil})},
	{"a status without a message", status.Error(codes.Internal, "")},
	{"an unknown code", status.Error(codes.Code(99), "unheard of")},
	{"a code beyond 31 bits", status.Error(codes.Code(1<<31+7), "far off")},
	{"unicode", status.Error(codes.InvalidArgument, "žluťoučký 🐎 \u2028")},
	{"percent signs", status.Error(codes.InvalidArgument, "100%, %41 and %zz%")},
	{"lines and control characters", status.Error(codes.InvalidArgument, "a\r\n\tb\x00c\x7f ")},
	{"not UTF-8", status.Error(codes.InvalidArgument, "a\xff\xfeb\xc3")},
	{"details", detailed("with details, ünicode")},
	{"details and not UTF-8", detailed(notUTF8)},
	{"details of an unknown type", status.FromProto(&spb.Status{
		Code: int32(codes.Aborted), Message: "m",
		Details: []*anypb.Any{{TypeUrl: "example.com/unheard.Of", Value: []byte{1, 2, 3}}},
	}).Err()},
}

func handlerError(name string) error {
	for _, e := range handlerErrors {
		if e.name == name {
			return e.err
		}
	}
	return fmt.Errorf("no error is called %q", name)
}

var statusScenarios = []scenario{
	{
		name: "what a unary handler returns is what its client gets",
		server: serving(func(*recorder) *service {
			return &service{unary: func(_ context.Context, text string) (string, error) {
				return "dropped", handlerError(text)
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, e := range handlerErrors {
				var trailer metadata.MD
				_ = s.invoke(ctx, e.name, grpc.Trailer(&trailer))
				s.clientSaw("trailer %s", formatMetadata(trailer))
			}
		},
	},
	{
		name: "what a stream's handler returns is what its client gets, after the messages",
		server: serving(func(*recorder) *service {
			fail := func(end *serverEnd) error {
				text, err := end.recv()
				if err != nil {
					return err
				}
				if err := end.send("before"); err != nil {
					return err
				}
				return handlerError(text)
			}
			return &service{bidi: fail, serverStream: fail, clientStream: fail}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, e := range handlerErrors {
				for _, kind := range []struct {
					method string
					desc   *grpc.StreamDesc
				}{{bidi, bidiDesc}, {serverStream, serverStreamDesc}, {clientStream, clientStreamDesc}} {
					stream := s.stream(ctx, kind.desc, kind.method)
					_ = stream.send(e.name)
					_ = stream.recv()
					_ = stream.recv()
					stream.trailer()
				}
			}
		},
	},
	{
		name: "a status in the trailer, as proxies relay it, is understood",
		server: serving(func(*recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				relayed := &spb.Status{Code: int32(codes.Aborted), Message: "in full", Details: []*anypb.Any{{TypeUrl: "x", Value: []byte("y")}}}
				data, err := proto.Marshal(relayed)
				if err != nil {
					return "", err
				}
				value := string(data)
				if text == "malformed" {
					value = "\xff"
				}
				_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-status-details-bin", value))
				switch text {
				case "no error":
					return text, nil
				case "two values":
					_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-status-details-bin", value))
				case "another code":
					return "", status.Error(codes.NotFound, "in short")
				case "details of its own":
					return "", detailed("its own")
				}
				return "", status.Error(codes.Aborted, "in short")
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, text := range []string{"same code", "two values", "malformed", "details of its own"} {
				var trailer metadata.MD
				_ = s.invoke(ctx, text, grpc.Trailer(&trailer))
				s.clientSaw("trailer %s", formatMetadata(trailer))
			}
			for _, text := range []string{"another code", "no error"} {
				s.clientSaw("%s: %s", text, code(s.conn.Invoke(ctx, unary, wrapperspb.String(text), new(wrapperspb.StringValue))))
			}
		},
	},
	{
		name: "the client's error is not the handler's",
		server: serving(func(*recorder) *service {
			return &service{unary: func(context.Context, string) (string, error) {
				return "", fmt.Errorf("wrapped: %w", statusError{status.New(codes.NotFound, "x")})
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			err := s.conn.Invoke(ctx, unary, nil, new(wrapperspb.StringValue))
			s.clientSaw("unwraps to the handler's %t, %s", errors.As(err, new(statusError)), outcome(err))
		},
	},
}

// methodNames are names of methods that do not exist.
var methodNames = []string{
	"/" + serviceName + "/Nothing", "/unheard.Of/Unary", "/unheard.Of/", "/" + serviceName + "/",
	"/" + serviceName + "/Unary/", "//Unary", "/a/b/c", "/", "//",
	"/" + serviceName, "/" + serviceName + "/unary", "/ünheard.Of/Ünary",
}

var methodScenarios = []scenario{
	{
		name: "methods that do not exist are unimplemented",
		client: func(ctx context.Context, s *recorder) {
			for _, method := range methodNames {
				var header, trailer metadata.MD
				err := s.conn.Invoke(ctx, method, nil, new(wrapperspb.StringValue), grpc.Header(&header), grpc.Trailer(&trailer))
				s.clientSaw("%s: %s, header %s, trailer %s", method, outcome(err), formatMetadata(header), formatMetadata(trailer))
			}
		},
	},
	{
		name: "a stream of a method that does not exist fails when it is read",
		client: func(ctx context.Context, s *recorder) {
			for _, method := range methodNames {
				stream := s.stream(ctx, bidiDesc, method)
				_ = stream.recv()
				_ = stream.recv()
				_ = stream.send("late")
				stream.closeSend()
				stream.header()
				stream.trailer()
			}
		},
	},
	{
		name: "unary methods work through a stream",
		server: serving(func(*recorder) *service {
			return &service{unary: func(ctx context.Context, text string) (string, error) {
				if text == "fail" {
					return "", status.Error(codes.Aborted, "as told")
				}
				return text, errors.Join(
					grpc.SetHeader(ctx, metadata.Pairs("h", "1")), grpc.SetTrailer(ctx, metadata.Pairs("t", "1")))
			}}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, desc := range []*grpc.StreamDesc{unaryDesc, clientStreamDesc, serverStreamDesc, bidiDesc} {
				for _, text := range []string{"succeed", "fail"} {
					stream := s.stream(ctx, desc, unary)
					_ = stream.send(text)
					stream.closeSend()
					_ = stream.recv()
					_ = stream.recv()
					stream.header()
					stream.trailer()
				}
			}
		},
	},
	{
		name: "streaming methods work through a unary call, as far as the messages allow",
		server: serving(func(*recorder) *service {
			times := func(end *serverEnd) error {
				text, err := end.recv()
				if err != nil {
					return err
				}
				for range len(text) {
					if err := end.send(text); err != nil {
						return err
					}
				}
				return nil
			}
			return &service{serverStream: times, clientStream: times, bidi: times}
		}),
		client: func(ctx context.Context, s *recorder) {
			for _, method := range []string{serverStream, clientStream, bidi} {
				for _, text := range []string{"", "1", "22"} {
					err := s.conn.Invoke(ctx, method, wrapperspb.String(text), new(wrapperspb.StringValue))
					s.clientSaw("%s with %d responses: %s", method, len(text), outcome(err))
				}
			}
		},
	},
}
