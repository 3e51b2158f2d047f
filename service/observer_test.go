package service_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// An observer records the calls of its methods.
type observer struct {
	mu     sync.Mutex
	events []string
}

type tag struct{}

func (o *observer) note(event string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, event)
}

func (o *observer) Tag(ctx context.Context) string {
	s, _ := ctx.Value(tag{}).(string)
	return s
}

func (o *observer) Begin(tag, method, transport string, md metadata.MD) service.CallObserver {
	o.note("begin " + tag + " " + method + " " + transport + " " + strings.Join(md["x-lambda-service-tag"], ""))
	return observedCall{o}
}

type observedCall struct{ *observer }

func (c observedCall) Received(any)  { c.note("received") }
func (c observedCall) Sent(any)      { c.note("sent") }
func (c observedCall) End(err error) { c.note("end " + status.Code(err).String()) }

func TestAnObserverSeesEachCallWithTheTagOfItsRequest(t *testing.T) {
	for name, test := range map[string]struct {
		target string
		want   []string
	}{
		"a unary call": {"/test/v1/items/a", []string{"begin 7 /test.v1.TestService/Get inproc ", "received", "sent", "end OK"}},
		"a stream":     {"/test/v1/items?count=2", []string{"begin 7 /test.v1.TestService/List inproc ", "received", "sent", "sent", "end OK"}},
		"a failure":    {"/test/v1/items/fail", []string{"begin 7 /test.v1.TestService/Get inproc ", "received", "end " + codes.DataLoss.String()}},
		"a panic":      {"/test/v1/items/panic", []string{"begin 7 /test.v1.TestService/Get inproc ", "received", "end Internal"}},
		"health":       {"/healthz", nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := &observer{}
			s, err := service.New(t.Context(), transport.InProcess(), service.WithObserver(o), bindTest(testService{
				get: func(_ context.Context, r *testv1.GetRequest) (*testv1.GetResponse, error) {
					switch r.GetName() {
					case "fail":
						return nil, status.Error(codes.DataLoss, "")
					case "panic":
						panic("oh")
					}
					return &testv1.GetResponse{}, nil
				},
			}))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(context.WithValue(t.Context(), tag{}, "7"), "GET", test.target, nil)
			r.Header.Set("X-Lambda-Service-Tag", "forged")
			s.ServeHTTP(httptest.NewRecorder(), r)
			s.Close()
			if !slices.Equal(o.events, test.want) {
				t.Errorf("%q, want %q", o.events, test.want)
			}
		})
	}
}
