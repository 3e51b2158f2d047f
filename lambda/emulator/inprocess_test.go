package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	lambdaevent "github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// This example tests an http.Handler, such as a service.Service, behind an event
// source without a function binary.
func ExampleInProcess() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := lambdaevent.FromContext(r.Context())
		fmt.Fprintf(w, "%s asked for %s through %s", info.Authorizer.Principal, r.URL.Path, info.Source)
	})
	ann := func(*http.Request) (frontdoor.Authorized, bool) {
		return frontdoor.Authorized{Claims: map[string]string{"sub": "ann"}}, true
	}
	door, err := frontdoor.New(emulator.InProcess(lambdaevent.NewHandler(handler)), frontdoor.HTTPAPI, frontdoor.WithAuthorizer(ann))
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	door.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/orders/7", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 ann asked for /v1/orders/7 through http-api
}

func TestInProcess_EverySource(t *testing.T) {
	handler := lambdaevent.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	}))
	for _, source := range frontdoor.Sources() {
		door, err := frontdoor.New(emulator.InProcess(handler), source)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/a", strings.NewReader("hello")))
		if got := w.Body.String(); w.Code != http.StatusOK || got != "POST /v1/a hello" {
			t.Errorf("%s: %d %q", source, w.Code, got)
		}
	}
}

func TestInProcess_Streams(t *testing.T) {
	more := make(chan struct{})
	handler := lambdaevent.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "b")
		fmt.Fprint(w, "one")
		_ = http.NewResponseController(w).Flush()
		<-more
		fmt.Fprint(w, "two")
	}))
	door, err := frontdoor.New(emulator.InProcess(handler), frontdoor.FunctionURL, frontdoor.WithStreaming())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door)
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 3)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "one" || response.Header.Get("X-A") != "b" {
		t.Errorf("before the handler has ended: %q, header %v, %v", first, response.Header, err)
	}
	close(more)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "two" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

type handlerFunc func(context.Context, []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

func TestInProcess_ContextHasLambdaMetadata(t *testing.T) {
	var lc *lambdacontext.LambdaContext
	var left time.Duration
	_, err := emulator.InProcess(handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		lc, _ = lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return nil, nil
	})).Do(t.Context(), emulator.Request{TenantID: "blue", ClientContext: `{"custom":{"a":"b"}}`, CognitoIdentity: `{"cognitoIdentityId":"c"}`})
	if err != nil {
		t.Fatal(err)
	}
	if lc == nil || lc.AwsRequestID == "" || lc.InvokedFunctionArn == "" || lc.TenantID != "blue" || lc.ClientContext.Custom["a"] != "b" ||
		lc.Identity.CognitoIdentityID != "c" || left <= 0 {
		t.Errorf("lambda context %+v, %v until the deadline", lc, left)
	}
}

func TestInProcess_Failures(t *testing.T) {
	for name, test := range map[string]struct {
		handler handlerFunc
		payload int
		want    func(error) bool
	}{
		"an error": {
			func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no tea") }, 2,
			func(err error) bool { return err.Error() == "emulator: function failed: errorString: no tea" },
		},
		"an error with a type of its own": {
			func(context.Context, []byte) ([]byte, error) {
				return nil, messages.InvokeResponse_Error{Type: "NotFound", Message: "no cup"}
			}, 2,
			func(err error) bool { return err.Error() == "emulator: function failed: NotFound: no cup" },
		},
		"a panic": {
			func(context.Context, []byte) ([]byte, error) { panic("spilt") }, 2,
			func(err error) bool {
				return strings.HasPrefix(err.Error(), "emulator: function failed: string: panic: spilt")
			},
		},
		"a response over the limit": {
			func(context.Context, []byte) ([]byte, error) { return make([]byte, emulator.MaxResponseBytes+1), nil }, 2,
			func(err error) bool { return errors.Is(err, emulator.ErrResponseTooLarge) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := emulator.InProcess(test.handler).Do(t.Context(), emulator.Request{Payload: json.RawMessage(`{}`)})
			var failed *emulator.FunctionError
			if !errors.As(err, &failed) || !test.want(err) {
				t.Errorf("error %v", err)
			}
		})
	}
	called := false
	_, err := emulator.InProcess(handlerFunc(func(context.Context, []byte) ([]byte, error) {
		called = true
		return nil, nil
	})).Do(t.Context(), emulator.Request{Payload: make([]byte, emulator.MaxRequestBytes+1)})
	if !errors.Is(err, emulator.ErrRequestTooLarge) || called {
		t.Errorf("an event over the limit: %v, handler called: %t", err, called)
	}
}
