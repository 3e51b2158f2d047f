package service_test

import (
	"context"
	"iter"
	"maps"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestNew_RefusesUnusedProgramOptions(t *testing.T) {
	type number int
	options := []service.Option{
		service.WithProgramOption("the number", number(1)),
		service.WithProgramOption("the text", "a"),
		service.WithProgramOption("the number", number(2)),
	}
	if got := service.ProgramOptions[number](options...); len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Errorf("numbers: %v", got)
	}
	if _, err := service.New(t.Context(), transport.InProcess(), options...); err == nil || !strings.Contains(err.Error(), "the text") {
		t.Errorf("New: %v, want an error that names the option", err)
	}
	service.ProgramOptions[string](options...)
	s, err := service.New(t.Context(), transport.InProcess(), options...)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

type conversation struct {
	testv1.UnimplementedTestServiceServer
	seen metadata.MD
}

func (c *conversation) Get(ctx context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
	c.seen, _ = metadata.FromIncomingContext(ctx)
	if r.GetName() == "secret" {
		return nil, status.Error(codes.Internal, "password=hunter2")
	}
	return &testv1.GetResponse{Name: r.GetName()}, nil
}

// TestConn checks that a call over Conn is treated as one of the gateway. It
// passes the interceptors, and its reserved metadata comes from the Service,
// not from its context.
func TestConn(t *testing.T) {
	for _, tr := range []transport.Transport{transport.InProcess(), transport.Bufconn()} {
		t.Run(tr.Name(), func(t *testing.T) {
			type key struct{}
			impl, intercepted := &conversation{}, 0
			svc, err := service.New(t.Context(), tr,
				service.Bind[testv1.TestServiceServer](testv1.RegisterTestServiceServer, testv1.NewTestServiceClient, testv1.RegisterTestServiceHandlerClient, impl),
				service.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
					intercepted++
					return next(ctx, req)
				}),
				service.WithReservedMetadata(func(ctx context.Context) iter.Seq2[string, string] {
					said, _ := ctx.Value(key{}).(string)
					return maps.All(map[string]string{"x-lambda-event-source": said})
				}),
			)
			if err != nil {
				t.Fatal(err)
			}
			defer svc.Close()
			ctx := metadata.AppendToOutgoingContext(context.WithValue(t.Context(), key{}, "queue"),
				"x-lambda-event-source", "forged", "x_lambda_other", "forged", "idempotency-key", "7")
			client := testv1.NewTestServiceClient(svc.Conn())
			response, err := client.Get(ctx, &testv1.GetRequest{Name: "n"})
			if err != nil || response.GetName() != "n" || intercepted != 1 {
				t.Errorf("%v, %v, intercepted %d times", response, err, intercepted)
			}
			for name, want := range map[string]string{"x-lambda-event-source": "queue", "x_lambda_other": "", "x-lambda-other": "", "idempotency-key": "7"} {
				if got := strings.Join(impl.seen.Get(name), ","); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if _, err := client.Get(ctx, &testv1.GetRequest{Name: "secret"}); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v", err)
			}
			stream, err := client.List(ctx, &testv1.ListRequest{})
			if err == nil {
				_, err = stream.Recv()
			}
			if status.Code(err) != codes.Unimplemented {
				t.Errorf("a stream: %v", err)
			}
			methods := svc.GetServiceInfo()["test.v1.TestService"].Methods
			if len(methods) == 0 {
				t.Error("no methods")
			}
		})
	}
}
