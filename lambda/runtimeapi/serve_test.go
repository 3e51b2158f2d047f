package runtimeapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

func TestServe(t *testing.T) {
	a := newAPI(t)
	s := serve(t, a, handlerFunc(echo))
	var conns []string
	for _, payload := range []string{`{"n":1}`, "", strings.Repeat("x", 6<<20), `2`} {
		conns = append(conns, a.call("/2018-06-01/runtime/invocation/next").conn)
		a.invoke(given{payload: payload})
		c := a.call("/2018-06-01/runtime/invocation/id-1/response")
		if c.Body != payload || c.Length != int64(len(payload)) || c.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%d bytes came back as %d, length %d, %v", len(payload), len(c.Body), c.Length, c.Header)
		}
		conns = append(conns, c.conn)
	}
	for _, conn := range conns {
		if conn != conns[0] {
			t.Errorf("connections %v, want one", conns)
		}
	}
	s.end()
	if got := s.log.String(); got != "" {
		t.Errorf("logged: %s", got)
	}
}

func TestContext(t *testing.T) {
	a := newAPI(t)
	var ctx context.Context
	s := serve(t, a, handlerFunc(func(c context.Context, _ []byte) ([]byte, error) {
		ctx = c
		return []byte(os.Getenv("_X_AMZN_TRACE_ID")), nil
	}))
	a.call("/next")
	a.invoke(given{header: map[string]string{
		"Lambda-Runtime-Invoked-Function-Arn": "arn:1",
		"Lambda-Runtime-Trace-Id":             "Root=1-2-3",
		"Lambda-Runtime-Client-Context":       `{"Client":{"app_title":"app"},"custom":{"k":"v"}}`,
		"Lambda-Runtime-Cognito-Identity":     `{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}`,
		"Lambda-Runtime-Aws-Tenant-Id":        "tenant",
		"Lambda-Runtime-Deadline-Ms":          "4102444800123",
	}})
	if got := a.call("/response").Body; got != "Root=1-2-3" {
		t.Errorf("_X_AMZN_TRACE_ID is %q", got)
	}
	a.call("/next")
	got, _ := lambdacontext.FromContext(ctx)
	want := &lambdacontext.LambdaContext{
		AwsRequestID: "id-1", InvokedFunctionArn: "arn:1", TenantID: "tenant",
		Identity:      lambdacontext.CognitoIdentity{CognitoIdentityID: "i", CognitoIdentityPoolID: "p"},
		ClientContext: lambdacontext.ClientContext{Client: lambdacontext.ClientApplication{AppTitle: "app"}, Custom: map[string]string{"k": "v"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if trace := ctx.Value("x-amzn-trace-id"); trace != "Root=1-2-3" {
		t.Errorf("trace id %v", trace)
	}
	if d, _ := ctx.Deadline(); d.UnixMilli() != 4102444800123 {
		t.Errorf("deadline %v", d)
	}
	if ctx.Err() == nil {
		t.Error("the context has not ended with the invocation")
	}
	t.Run("ends at the deadline", func(t *testing.T) {
		a.invoke(given{header: map[string]string{"Lambda-Runtime-Deadline-Ms": fmt.Sprint(time.Now().UnixMilli() - 1)}})
		a.call("/response")
		a.call("/next")
		if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
			t.Errorf("cause %v", cause)
		}
	})
	t.Run("a header that is malformed fails the invocation", func(t *testing.T) {
		for header, want := range map[string]string{
			"Lambda-Runtime-Deadline-Ms":      "failed to parse deadline",
			"Lambda-Runtime-Client-Context":   "failed to unmarshal client context json",
			"Lambda-Runtime-Cognito-Identity": "failed to unmarshal cognito identity json",
		} {
			a.invoke(given{header: map[string]string{header: "{"}})
			if c := a.call("/error"); !strings.Contains(c.Body, want) {
				t.Errorf("%s: %s", header, c.Body)
			}
			a.call("/next")
		}
	})
	s.end()
}

// typedError is an error type with a name.
type typedError struct{}

func (*typedError) Error() string { return "typed" }

// failing fails as the payload says.
func failing(_ context.Context, payload []byte) ([]byte, error) {
	switch string(payload) {
	case "error":
		return nil, errors.New("plain \x7f ü")
	case "typed":
		return nil, &typedError{}
	case "own":
		return nil, messages.InvokeResponse_Error{Type: "Own.Type", Message: "own"}
	case "own frames":
		return nil, messages.InvokeResponse_Error{Type: "Own.Type", StackTrace: []*messages.InvokeResponse_Error_StackFrame{nil, {Path: "a.go"}}}
	case "panic":
		panic("on purpose")
	case "panic error":
		panic(&typedError{})
	case "runtime error":
		var m map[string]int
		m["x"] = 1 //nolint:staticcheck // it panics
	case "exit":
		return nil, messages.InvokeResponse_Error{Type: "Own.Exit", Message: "leaving", ShouldExit: true}
	case "goexit":
		runtime.Goexit()
	}
	return payload, nil
}

func TestFailures(t *testing.T) {
	a := newAPI(t)
	s := serve(t, a, handlerFunc(failing))
	for payload, want := range map[string][]string{
		"error":         {`"errorType":"errorString"`, `"errorMessage":"plain `},
		"typed":         {`"errorType":"typedError"`, `"errorMessage":"typed"`},
		"own":           {`"errorType":"Own.Type"`, `"errorMessage":"own"`},
		"own frames":    {`"stackTrace":[{"path":"a.go"`},
		"panic":         {`"errorType":"string"`, `"errorMessage":"on purpose"`, `"label":"failing"`, "lambda/runtimeapi/serve_test.go"},
		"panic error":   {`"errorType":"typedError"`, `"label":"failing"`},
		"runtime error": {"nil map", `"stackTrace":[{"path":"`, `"label":"failing"`},
		"goexit":        {"runtime.Goexit"},
	} {
		t.Run(payload, func(t *testing.T) {
			a.call("/next")
			a.invoke(given{payload: payload})
			c := a.call("/id-1/error")
			for _, text := range want {
				if !strings.Contains(c.Body, text) {
					t.Errorf("%s is not in %s", text, c.Body)
				}
			}
			cause := c.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause")
			if c.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(cause, `{"working_directory":"/`) {
				t.Errorf("headers %v", c.Header)
			}
			s.log.Wait(t, "requestId=id-1")
		})
	}
	a.call("/next")
	a.invoke(given{payload: "well"})
	if c := a.call("/response"); c.Body != "well" {
		t.Errorf("the invocation after them: %s", c.Body)
	}
	s.end()
}

func TestFailures_EndServe(t *testing.T) {
	for payload, exitOnPanic := range map[string]bool{"exit": false, "panic": true} {
		t.Run(payload, func(t *testing.T) {
			a := newAPI(t)
			shut := false
			s := serve(t, a, handlerFunc(failing), func(cfg *runtimeapi.Config, c *runtimeapi.Client) {
				cfg.ExitOnPanic = exitOnPanic
				if c != nil {
					c.RegisterOnShutdown(func(context.Context) error { shut = true; return nil })
				}
			})
			a.call("/next")
			a.invoke(given{payload: payload})
			a.call("/error")
			if err := s.wait(); err == nil || !shut {
				t.Errorf("Serve: %v; shutdown functions ran: %v", err, shut)
			}
		})
	}
}

func TestServe_TooLargeResponseFailsTheInvocation(t *testing.T) {
	a := newAPI(t)
	s := serve(t, a, handlerFunc(func(_ context.Context, p []byte) ([]byte, error) {
		return make([]byte, maxResponseBytes+len(p)), nil
	}))
	a.call("/next")
	a.invoke(given{payload: "x"})
	if c := a.call("/error"); !strings.Contains(c.Body, "Function.ResponseSizeTooLarge") || !strings.Contains(c.Body, "6291556") {
		t.Errorf("reported %s", c.Body)
	}
	a.call("/next")
	a.invoke(given{})
	if c := a.call("/response"); len(c.Body) != maxResponseBytes {
		t.Errorf("%d bytes", len(c.Body))
	}
	s.end()
}

func TestServe_TooLargeEventFailsTheInvocation(t *testing.T) {
	a := newAPI(t)
	s := serve(t, a, handlerFunc(echo))
	a.call("/next")
	a.invoke(given{payload: strings.Repeat("x", 16<<20+1)})
	if c := a.call("/error"); !strings.Contains(c.Body, "larger than 16777216 bytes") {
		t.Errorf("reported %s", c.Body)
	}
	a.call("/next")
	a.invoke(given{payload: "x"})
	a.call("/response")
	s.end()
}

func TestServe_WorkersAreIndependent(t *testing.T) {
	const workers = 16
	invocations := 1000 * repetitions(t, 2)
	a := newAPI(t)
	const unset = "set by nobody"
	t.Setenv("_X_AMZN_TRACE_ID", unset)
	var after sync.Map
	handler := handlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		lc, _ := lambdacontext.FromContext(ctx)
		id := lc.AwsRequestID
		runtimeapi.After(ctx, func(context.Context) { after.Store(id, true) })
		if string(payload) != id || ctx.Value("x-amzn-trace-id") != "trace "+id || os.Getenv("_X_AMZN_TRACE_ID") != unset {
			return nil, fmt.Errorf("invocation %s got payload %s, trace %v", id, payload, ctx.Value("x-amzn-trace-id"))
		}
		switch {
		case strings.HasSuffix(id, "7"):
			panic("on purpose")
		case strings.HasSuffix(id, "99"):
			runtime.Goexit()
		}
		return payload, nil
	})
	s := serve(t, a, handler, func(cfg *runtimeapi.Config, _ *runtimeapi.Client) {
		cfg.Workers = workers
		cfg.Logger = nil
	}, func(cfg *runtimeapi.Config, _ *runtimeapi.Client) { cfg.Logger = discard() })
	go func() {
		for i := range invocations {
			id := fmt.Sprint(i)
			a.events <- given{payload: id, header: map[string]string{
				"Lambda-Runtime-Aws-Request-Id": id, "Lambda-Runtime-Trace-Id": "trace " + id,
			}}
		}
	}()
	conns, nexts, responses := map[string]bool{}, 0, map[string]bool{}
	for len(responses) < invocations {
		c := a.call("")
		conns[c.conn] = true
		if c.is("/next") {
			nexts++
			continue
		}
		parts := strings.Split(c.Path, "/")
		id, kind := parts[len(parts)-2], parts[len(parts)-1]
		want := "response"
		if strings.HasSuffix(id, "7") || strings.HasSuffix(id, "99") {
			want = "error"
		}
		if responses[id] || kind != want || kind == "response" && c.Body != id {
			t.Fatalf("invocation %s: %s %s, seen before: %v", id, kind, c.Body, responses[id])
		}
		responses[id] = true
	}
	s.end()
	if len(conns) != workers {
		t.Errorf("%d connections, want %d", len(conns), workers)
	}
	n := 0
	after.Range(func(any, any) bool { n++; return true })
	if n != invocations {
		t.Errorf("%d after-functions ran, want %d", n, invocations)
	}
}

func TestStreamFunc_Invoke(t *testing.T) {
	r := &reader{r: strings.NewReader("all of it")}
	f := runtimeapi.StreamFunc(func(context.Context, jsonRaw) (io.Reader, error) { return r, nil })
	got, err := f.Invoke(t.Context(), nil)
	if string(got) != "all of it" || err != nil || !r.closed {
		t.Errorf("%q, %v, closed %v", got, err, r.closed)
	}
}
