package emulator_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

func TestLimitsOfSources(t *testing.T) {
	for source, limit := range map[emulator.Source]int{
		emulator.RESTAPI: 10 << 20, emulator.HTTPAPI: 10 << 20, emulator.HTTPAPIv1: 10 << 20,
		emulator.ALB: 1 << 20, emulator.ALBMulti: 1 << 20, emulator.FunctionURL: 6 << 20,
	} {
		for n, want := range map[int]int{limit: 200, limit + 1: 413} {
			fn := &fake{answer: `{"statusCode":200}`}
			w := httptest.NewRecorder()
			frontDoor(t, fn, source).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", n))))
			if w.Code != want || (want == 413) != (fn.event == nil) {
				t.Errorf("%s: status %d for a body of %d bytes, want %d", source, w.Code, n, want)
			}
		}
	}
	for _, source := range apis {
		wire := "GET / HTTP/1.1\nHost: h\nX-Large: " + strings.Repeat("x", 10_240) + "\n\n"
		if got := serve(t, frontDoor(t, &fake{}, source), wire).StatusCode; got != 431 {
			t.Errorf("%s: status %d for large headers, want 431", source, got)
		}
	}
}

func TestAuthorizers(t *testing.T) {
	authorized := emulator.Authorized{
		Claims: map[string]string{"sub": "me"}, Scopes: []string{"read"},
		IAM:     &emulator.IAMIdentity{AccessKey: "AK", AccountID: "1", CallerID: "C", UserARN: "arn", UserID: "U"},
		Context: map[string]any{"n": 1}, PrincipalID: "p",
	}
	const iam = `{"accessKey":"AK","accountId":"1","callerId":"C","userArn":"arn","userId":"U"}`
	const identity = `"identity":{"accessKey":"AK","accountId":"1","caller":"C","sourceIp":"203.0.113.9","user":"U","userAgent":"","userArn":"arn"}`
	for source, wants := range map[emulator.Source][]string{
		emulator.RESTAPI:     {`"authorizer":{"claims":{"sub":"me"},"n":"1","principalId":"p"}`, identity},
		emulator.HTTPAPIv1:   {`"authorizer":{"claims":{"sub":"me"},"n":"1","principalId":"p","scopes":["read"]}`, identity},
		emulator.HTTPAPI:     {`"authorizer":{"jwt":{"claims":{"sub":"me"},"scopes":["read"]},"lambda":{"n":1},"iam":` + iam + `}`},
		emulator.FunctionURL: {`"authorizer":{"iam":` + iam + `}`},
	} {
		fn := &fake{answer: `{"statusCode":200}`}
		h := frontDoor(t, fn, source, emulator.WithAuthorizer(func(r *http.Request) (emulator.Authorized, bool) {
			return authorized, r.URL.Path == "/open"
		}))
		serve(t, h, get("/open"))
		for _, want := range wants {
			if !bytes.Contains(fn.event, []byte(want)) {
				t.Errorf("%s: event %s\nlacks %s", source, fn.event, want)
			}
		}
		status := map[bool]int{true: 403, false: 401}[source == emulator.FunctionURL]
		fn.event = nil
		if got := serve(t, h, get("/shut")).StatusCode; got != status || fn.event != nil {
			t.Errorf("%s: status %d when refused, want %d", source, got, status)
		}
	}
}

func TestFrontDoorsThatThereAreNot(t *testing.T) {
	authorizer := emulator.WithAuthorizer(func(*http.Request) (emulator.Authorized, bool) { return emulator.Authorized{}, true })
	for name, test := range map[string]struct {
		source emulator.Source
		option emulator.Option
	}{
		"an unknown source":                    {"sqs", emulator.WithStage("x")},
		"a streaming HTTP API":                 {emulator.HTTPAPI, emulator.WithStreaming()},
		"a streaming load balancer":            {emulator.ALB, emulator.WithStreaming()},
		"a stage of a function URL":            {emulator.FunctionURL, emulator.WithStage("x")},
		"a base path of a load balancer":       {emulator.ALBMulti, emulator.WithBasePath("x")},
		"an authorizer before a load balancer": {emulator.ALB, authorizer},
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := emulator.FrontDoor(&fake{}, test.source, test.option); err == nil || h != nil {
				t.Errorf("no error: %v", h)
			}
		})
	}
}

func TestParseSource(t *testing.T) {
	for _, want := range emulator.Sources() {
		if got, err := emulator.ParseSource(string(want)); err != nil || got != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	_, err := emulator.ParseSource("lattice")
	const want = `emulator: unknown source "lattice", want one of rest-api, http-api, http-api-v1, alb, alb-multi, function-url`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
