package echo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example/echo"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	response, err := echo.Service{}.Echo(context.Background(), &examplev1.EchoRequest{Id: "7", Text: "hello"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.GetId(), response.GetText())
	// Output: 7 hello
}

// dial serves echo.Service in memory until the test ends and returns a client.
func dial(t *testing.T) examplev1.EchoServiceClient {
	t.Helper()
	conn, err := transport.Bufconn().Open(t.Context(), transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) { examplev1.RegisterEchoServiceServer(r, echo.Service{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
	return examplev1.NewEchoServiceClient(conn)
}

func TestEchoReturnsTheFieldsOfTheRequest(t *testing.T) {
	client := dial(t)
	for name, test := range map[string]struct {
		request *examplev1.EchoRequest
		want    *examplev1.EchoResponse
	}{
		"nothing at all": {&examplev1.EchoRequest{}, &examplev1.EchoResponse{}},
		"every field": {
			&examplev1.EchoRequest{
				Id: "a/b", Text: "žluťoučký", Tags: []string{"b", "a", "b"}, Number: -1 << 63, Data: []byte{0, 0xff, '\n'},
				Time: &timestamppb.Timestamp{Seconds: 1, Nanos: 2}, Nested: &examplev1.EchoNested{Name: "n", Count: -1},
			},
			&examplev1.EchoResponse{
				Id: "a/b", Text: "žluťoučký", Tags: []string{"b", "a", "b"}, Number: -1 << 63, Data: []byte{0, 0xff, '\n'},
				Time: &timestamppb.Timestamp{Seconds: 1, Nanos: 2}, Nested: &examplev1.EchoNested{Name: "n", Count: -1},
			},
		},
		"empty messages stay, they do not become absent": {
			&examplev1.EchoRequest{Time: &timestamppb.Timestamp{}, Nested: &examplev1.EchoNested{}},
			&examplev1.EchoResponse{Time: &timestamppb.Timestamp{}, Nested: &examplev1.EchoNested{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := client.Echo(t.Context(), test.request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// A field that is added to the request must also be added to the response.
func TestRequestAndResponseHaveTheSameFields(t *testing.T) {
	fields := func(message protoreflect.ProtoMessage) *descriptorpb.DescriptorProto {
		description := protodesc.ToDescriptorProto(message.ProtoReflect().Descriptor())
		description.Name = nil
		return description
	}
	request, response := fields(&examplev1.EchoRequest{}), fields(&examplev1.EchoResponse{})
	if diff := cmp.Diff(request, response, protocmp.Transform()); diff != "" {
		t.Errorf("fields (-request +response):\n%s", diff)
	}
}

// receive returns the sequence numbers of a stream, and the error that ended
// it, nil for io.EOF.
func receive(stream grpc.ServerStreamingClient[examplev1.EchoStreamResponse], id string) ([]int32, error) {
	var sequences []int32
	for {
		response, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return sequences, nil
		case err != nil:
			return sequences, err
		case response.GetId() != id:
			return sequences, fmt.Errorf("message %d has the id %q, want %q", response.GetSequence(), response.GetId(), id)
		}
		sequences = append(sequences, response.GetSequence())
	}
}

func TestStreamSendsCountMessages(t *testing.T) {
	client := dial(t)
	for name, request := range map[string]*examplev1.EchoStreamRequest{
		"none when the count is absent": {Id: "x"},
		"one":                           {Id: "x", Count: 1},
		"one, however long the interval, as it comes at once":           {Id: "x", Count: 1, Interval: durationpb.New(echo.MaxInterval)},
		"several, an interval apart":                                    {Id: "x", Count: 3, Interval: durationpb.New(time.Millisecond)},
		"as many as are allowed, more than a flow-control window holds": {Id: "x", Count: echo.MaxCount},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := client.EchoStream(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := receive(stream, request.GetId())
			if err != nil {
				t.Fatal(err)
			}
			var want []int32
			for sequence := range request.GetCount() {
				want = append(want, sequence+1)
			}
			if !slices.Equal(got, want) {
				t.Errorf("sequence numbers %v, want %v", got, want)
			}
		})
	}
}

func TestStreamRefusesWhatIsOutOfBounds(t *testing.T) {
	client := dial(t)
	for name, test := range map[string]struct {
		request *examplev1.EchoStreamRequest
		message string
	}{
		"a negative count": {&examplev1.EchoStreamRequest{Count: -1}, "count: -1 is outside 0 to 1000"},
		"a count too many": {&examplev1.EchoStreamRequest{Count: echo.MaxCount + 1}, "count: 1001 is outside 0 to 1000"},
		"a negative interval": {
			&examplev1.EchoStreamRequest{Interval: durationpb.New(-time.Nanosecond)}, "interval: -1ns is outside 0s to 10s",
		},
		"an interval too long by the least": {
			&examplev1.EchoStreamRequest{Count: 1, Interval: durationpb.New(echo.MaxInterval + time.Nanosecond)},
			"interval: 10.000000001s is outside 0s to 10s",
		},
		"an interval of more years than a time.Duration holds": {
			&examplev1.EchoStreamRequest{Interval: &durationpb.Duration{Seconds: 315_000_000_000}},
			"interval: 2562047h47m16.854775807s is outside 0s to 10s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := client.EchoStream(t.Context(), test.request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := receive(stream, "")
			if status.Code(err) != codes.InvalidArgument {
				t.Fatalf("error %v, want code %v", err, codes.InvalidArgument)
			}
			if message := status.Convert(err).Message(); message != test.message {
				t.Errorf("message %q, want %q", message, test.message)
			}
			if len(got) > 0 {
				t.Errorf("%d messages came before the error", len(got))
			}
		})
	}
}

func TestStreamRefusesAnIntervalWhoseSignsDiffer(t *testing.T) {
	stream, err := dial(t).EchoStream(t.Context(), &examplev1.EchoStreamRequest{
		Count: 1, Interval: &durationpb.Duration{Seconds: 1, Nanos: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receive(stream, ""); status.Code(err) != codes.InvalidArgument {
		t.Errorf("error %v, want code %v", err, codes.InvalidArgument)
	}
}

// recorder is the server's side of a stream without a connection, so that
// only the service can end the call.
type recorder struct {
	grpc.ServerStream
	ctx  context.Context
	send func(*examplev1.EchoStreamResponse) error
}

func (r recorder) Context() context.Context                          { return r.ctx }
func (r recorder) Send(response *examplev1.EchoStreamResponse) error { return r.send(response) }

// The fake clock advances only when every goroutine waits, so the times are
// exact.
func TestStreamWaitsBetweenMessagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var sent []time.Duration
		stream := recorder{ctx: t.Context(), send: func(*examplev1.EchoStreamResponse) error {
			sent = append(sent, time.Since(start))
			return nil
		}}
		request := &examplev1.EchoStreamRequest{Count: 3, Interval: durationpb.New(100 * time.Millisecond)}
		if err := (echo.Service{}).EchoStream(request, stream); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond}; !slices.Equal(sent, want) {
			t.Errorf("messages were sent at %v, want %v", sent, want)
		}
		if got, want := time.Since(start), 200*time.Millisecond; got != want {
			t.Errorf("the stream ended at %v, want %v", got, want)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	for name, test := range map[string]struct {
		interval time.Duration
		end      func(context.Context) (context.Context, context.CancelFunc)
		ended    time.Duration // when, on the bubble's clock
		sent     []int32
		code     codes.Code
	}{
		"cancelled while it waits": {
			echo.MaxInterval, cancelAfter(time.Second), time.Second, []int32{1}, codes.Canceled,
		},
		"cancelled before the first message": {
			0, cancelAfter(0), 0, nil, codes.Canceled,
		},
		"at its deadline": {
			400 * time.Millisecond, func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			}, time.Second, []int32{1, 2, 3}, codes.DeadlineExceeded,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := test.end(t.Context())
				defer cancel()
				var sent []int32
				stream := recorder{ctx: ctx, send: func(response *examplev1.EchoStreamResponse) error {
					sent = append(sent, response.GetSequence())
					return nil
				}}
				start := time.Now()
				request := &examplev1.EchoStreamRequest{Count: echo.MaxCount, Interval: durationpb.New(test.interval)}
				err := echo.Service{}.EchoStream(request, stream)
				if status.Code(err) != test.code {
					t.Errorf("error %v, want code %v", err, test.code)
				}
				if !slices.Equal(sent, test.sent) {
					t.Errorf("sequence numbers %v, want %v", sent, test.sent)
				}
				if got := time.Since(start); got != test.ended {
					t.Errorf("ended after %v, want %v", got, test.ended)
				}
			})
		})
	}
}

func TestStreamWithoutAnIntervalEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sent []int32
	stream := recorder{ctx: ctx, send: func(response *examplev1.EchoStreamResponse) error {
		sent = append(sent, response.GetSequence())
		if response.GetSequence() == 2 {
			cancel()
		}
		return nil
	}}
	err := echo.Service{}.EchoStream(&examplev1.EchoStreamRequest{Count: echo.MaxCount}, stream)
	if status.Code(err) != codes.Canceled {
		t.Errorf("error %v, want code %v", err, codes.Canceled)
	}
	if want := []int32{1, 2}; !slices.Equal(sent, want) {
		t.Errorf("sequence numbers %v, want %v", sent, want)
	}
}

// cancelAfter returns a function that makes a context and cancels it after d,
// or at once if d is 0.
func cancelAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		if d == 0 {
			cancel()
		} else {
			time.AfterFunc(d, cancel)
		}
		return ctx, cancel
	}
}

func TestStreamReturnsTheErrorOfASend(t *testing.T) {
	broken := errors.New("broken")
	stream := recorder{ctx: t.Context(), send: func(*examplev1.EchoStreamResponse) error { return broken }}
	if err := (echo.Service{}).EchoStream(&examplev1.EchoStreamRequest{Count: 2}, stream); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
