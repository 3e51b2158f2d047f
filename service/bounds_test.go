package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A large value describes a response in which one part is large.
type large struct {
	in   string // what is large: message, details, header, sent header, trailer
	text string
}

func (l large) answer(ctx context.Context, s grpc.ServerStream) error {
	md := metadata.Pairs("x-large", l.text)
	if strings.HasSuffix(l.in, "-bin") {
		md = metadata.Pairs("x-large-bin", l.text)
	}
	switch strings.TrimSuffix(l.in, "-bin") {
	case "message":
		return status.Error(codes.InvalidArgument, l.text)
	case "details":
		with, err := status.New(codes.InvalidArgument, "short").WithDetails(&errdetails.DebugInfo{Detail: l.text})
		if err != nil {
			return err
		}
		return with.Err()
	case "header":
		if s != nil {
			return s.SetHeader(md)
		}
		return grpc.SetHeader(ctx, md)
	case "sent header":
		if s != nil {
			return s.SendHeader(md)
		}
		return grpc.SendHeader(ctx, md)
	case "trailer":
		if s != nil {
			s.SetTrailer(md)
			return nil
		}
		return grpc.SetTrailer(ctx, md)
	case "header, error ignored":
		_ = grpc.SetHeader(ctx, md)
		return nil
	}
	panic(l.in)
}

// kinds are the parts of a response that can be large. Some are sent as plain
// ASCII, others take nine times their size on the wire, or four thirds of it.
var kinds = []string{"message", "details", "header", "sent header", "trailer", "header, error ignored", "header-bin", "trailer-bin"}

// sizes returns the sizes at which the behaviour changes, the largest that
// Lambda accepts, one above grpc-go's own limit, and two others.
func sizes() []int {
	return []int{0, 911, 16 << 10, 64 << 10, 6 << 20, 17 << 20, rand.IntN(64 << 10), rand.IntN(1 << 20)}
}

// largeService responds to the calls of testv1.EchoService with the value in
// answers for the id of the call. Calls with the id "held" wait for release.
func largeService(answers *sync.Map, started, release chan struct{}) []service.Option {
	answer := func(ctx context.Context, id string, s grpc.ServerStream) error {
		if id == "held" {
			started <- struct{}{}
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l, _ := answers.Load(id)
		return l.(large).answer(ctx, s)
	}
	return bindAll(fake{
		echo: func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			return &testv1.EchoResponse{Id: r.GetId()}, answer(ctx, r.GetId(), nil)
		},
		stream: func(r *testv1.EchoStreamRequest, s grpc.ServerStreamingServer[testv1.EchoStreamResponse]) error {
			return answer(s.Context(), r.GetId(), s)
		},
	})
}

func TestLargeResponsesFailAlone(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var answers sync.Map
		started, release := make(chan struct{}), make(chan struct{})
		s := start(t, tr, nil, largeService(&answers, started, release)...)
		client := testv1.NewEchoServiceClient(dial(t, s))

		// These calls are in flight on the same connections and must not
		// fail.
		var held sync.WaitGroup
		held.Go(func() {
			if got := call(t, s, "GET", "/v1/echo/held", ""); got.code != 200 || got.fields(t)["id"] != "held" {
				t.Errorf("the call in flight through the gateway: %+v", got)
			}
		})
		held.Go(func() {
			if got, err := client.Echo(t.Context(), &testv1.EchoRequest{Id: "held"}); err != nil || got.GetId() != "held" {
				t.Errorf("the call in flight over gRPC: %v, %v", got, err)
			}
		})
		<-started
		<-started

		for _, kind := range kinds {
			for _, size := range sizes() {
				for _, unit := range []string{"x", "é", "\xff"} {
					if unit != "x" && !strings.HasSuffix(kind, "-bin") && kind != "message" {
						continue // not valid there
					}
					if size > 6<<20 && (unit != "x" || kind != "details" && kind != "header") || size == 6<<20 && kind != "message" {
						continue // more of the same
					}
					answers.Store("7", large{kind, strings.Repeat(unit, size/len(unit))})
					got := call(t, s, "GET", "/v1/echo/7", "")
					checkLarge(t, fmt.Sprintf("gateway, %s of %d × %q", kind, size, unit), kind, size, got.code, got.fieldMessage(t))
					if len(got.body) > 256<<10 {
						t.Errorf("%s of %d × %q: a body of %d bytes", kind, size, unit, len(got.body))
					}
					call(t, s, "GET", "/v1/echo/7/stream", "")
					_, err := client.Echo(t.Context(), &testv1.EchoRequest{Id: "7"})
					checkLarge(t, fmt.Sprintf("gRPC, %s of %d × %q", kind, size, unit), kind, size, httpCode(err), status.Convert(err).Message())
					if stream, err := client.EchoStream(t.Context(), &testv1.EchoStreamRequest{Id: "7"}); err == nil {
						_, _ = stream.Recv()
					}
				}
			}
		}
		close(release)
		held.Wait()
	})
}

func (a response) fieldMessage(t *testing.T) string {
	m, _ := a.fields(t)["message"].(string)
	return m
}

func httpCode(err error) int {
	switch status.Code(err) {
	case codes.OK:
		return 200
	case codes.InvalidArgument:
		return 400
	case codes.Internal:
		return 500
	default:
		return int(status.Code(err))
	}
}

// checkLarge checks that a response that fits arrives whole, and that others
// are cut or fail.
func checkLarge(t *testing.T, name, kind string, size, code int, message string) {
	t.Helper()
	switch kind {
	case "message":
		if code != 400 || !utf8.ValidString(message) || len(message) > 8<<10 {
			t.Errorf("%s: %d with a message of %d bytes", name, code, len(message))
		}
		if wasCut := strings.HasSuffix(message, "bytes)"); size <= 900 && wasCut || size > 8<<10 && !wasCut {
			t.Errorf("%s: cut %v: %.80q", name, wasCut, message)
		}
	case "details":
		if dropped := strings.Contains(message, "dropped"); code != 400 || !strings.HasSuffix(message, "short") || size <= 16<<10 && dropped || size > 64<<10 && !dropped {
			t.Errorf("%s: %d %.80q", name, code, message)
		}
	default:
		if size <= 32<<10 && code != 200 || size >= 64<<10 && code != 500 {
			t.Errorf("%s: %d %.80q", name, code, message)
		}
	}
}

func TestLargeRequestsFailAlone(t *testing.T) {
	each(t, func(t *testing.T, tr transport.Transport) {
		var answers sync.Map
		started, release := make(chan struct{}), make(chan struct{})
		s := start(t, tr, nil, append(largeService(&answers, started, release), service.WithRequestHeaders("X-Large", "X-Large-Bin"))...)
		answers.Store("7", large{"trailer", ""})
		cc := dial(t, s)
		client := testv1.NewEchoServiceClient(cc)
		var held sync.WaitGroup
		held.Go(func() {
			if got := call(t, s, "GET", "/v1/echo/held", ""); got.code != 200 {
				t.Errorf("the call in flight through the gateway: %+v", got)
			}
		})
		held.Go(func() {
			if _, err := client.Echo(t.Context(), &testv1.EchoRequest{Id: "held"}); err != nil {
				t.Errorf("the call in flight over gRPC: %v", err)
			}
		})
		<-started
		<-started
		for _, name := range []string{"X-Large", "X-Large-Bin", "Authorization", "X-Forwarded-For", "Cookie", "Host"} {
			for _, size := range []int{0, 128 << 10, 256 << 10, 1 << 20, 17 << 20} {
				if size > 1<<20 && name != "X-Large" {
					continue // more of the same
				}
				target, header := "/v1/echo/7", []string{name, strings.Repeat("YWFh", size/4)}
				if name == "Host" {
					target, header = "http://"+strings.Repeat("YWFh", size/4+1)+"/v1/echo/7", nil
				}
				got := call(t, s, "GET", target, "", header...)
				if want := size < 256<<10; want && got.code != 200 || !want && (got.code != http.StatusRequestHeaderFieldsTooLarge || !strings.Contains(got.fieldMessage(t), "larger than 262144 bytes")) {
					t.Errorf("%s of %d bytes: %d %.200s", name, size, got.code, got.body)
				}
				ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("YWFh", size/4))
				_, err := client.Echo(ctx, &testv1.EchoRequest{Id: "7"})
				if size < 1<<20 && err != nil || size >= 1<<20 && err == nil {
					t.Errorf("gRPC metadata of %d bytes: %v", size, err)
				}
			}
		}
		close(release)
		held.Wait()
	})
}

func FuzzStatusMessageArrivesWholeOrCut(f *testing.F) {
	var message string
	s, err := service.New(f.Context(), transport.Bufconn(), append(bindAll(fake{
		echo: func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			return nil, status.Error(codes.InvalidArgument, message)
		},
	}), quiet())...)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Add("short", 1)
	f.Add("é%\x00\xff", 2100)
	f.Add("日本", 1300)
	f.Fuzz(func(t *testing.T, text string, times int) {
		if times < 1 || len(text)*times > 1<<20 {
			return
		}
		message = strings.Repeat(text, times)
		got := call(t, s, "GET", "/v1/echo/7", "").fieldMessage(t)
		if got == string([]rune(message)) {
			return
		}
		cut, _, marked := strings.Cut(got, "... (cut, ")
		if !marked || !strings.HasPrefix(string([]rune(message)), strings.TrimSuffix(cut, "\uFFFD")) || len(message) <= 910 || len(got) > 8<<10 {
			t.Errorf("%d bytes became %d: %.100q", len(message), len(got), got)
		}
	})
}
