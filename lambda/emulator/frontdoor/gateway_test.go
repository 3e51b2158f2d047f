package frontdoor_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

func TestNew_SizeLimits(t *testing.T) {
	for source, limit := range map[frontdoor.Source]int{
		frontdoor.RESTAPI: 10 << 20, frontdoor.HTTPAPI: 10 << 20, frontdoor.HTTPAPIv1: 10 << 20,
		frontdoor.ALB: 1 << 20, frontdoor.ALBMulti: 1 << 20, frontdoor.FunctionURL: 6 << 20,
		frontdoor.VPCLattice: 6 << 20, frontdoor.VPCLatticeV1: 6 << 20,
	} {
		for n, want := range map[int]int{limit: 200, limit + 1: 413} {
			fn := &fake{response: `{"statusCode":200}`}
			w := httptest.NewRecorder()
			frontDoor(t, fn, source).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", n))))
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

func TestWithAuthorizer(t *testing.T) {
	authorized := frontdoor.Authorized{
		Claims: map[string]string{"sub": "me"}, Scopes: []string{"read"},
		IAM:     &frontdoor.IAMIdentity{AccessKey: "AK", AccountID: "1", CallerID: "C", UserARN: "arn", UserID: "U"},
		Context: map[string]any{"n": 1}, PrincipalID: "p",
	}
	const iam = `{"accessKey":"AK","accountId":"1","callerId":"C","userArn":"arn","userId":"U"}`
	const identity = `"identity":{"accessKey":"AK","accountId":"1","caller":"C","sourceIp":"203.0.113.9","user":"U","userAgent":"","userArn":"arn"}`
	for source, wants := range map[frontdoor.Source][]string{
		frontdoor.RESTAPI:     {`"authorizer":{"claims":{"sub":"me"},"n":"1","principalId":"p"}`, identity},
		frontdoor.HTTPAPIv1:   {`"authorizer":{"claims":{"sub":"me"},"n":"1","principalId":"p","scopes":["read"]}`, identity},
		frontdoor.HTTPAPI:     {`"authorizer":{"jwt":{"claims":{"sub":"me"},"scopes":["read"]},"lambda":{"n":1},"iam":` + iam + `}`},
		frontdoor.FunctionURL: {`"authorizer":{"iam":` + iam + `}`},
	} {
		fn := &fake{response: `{"statusCode":200}`}
		h := frontDoor(t, fn, source, frontdoor.WithAuthorizer(func(r *http.Request) (frontdoor.Authorized, bool) {
			return authorized, r.URL.Path == "/open"
		}))
		serve(t, h, get("/open"))
		for _, want := range wants {
			if !bytes.Contains(fn.event, []byte(want)) {
				t.Errorf("%s: event %s\nlacks %s", source, fn.event, want)
			}
		}
		status := map[bool]int{true: 403, false: 401}[source == frontdoor.FunctionURL]
		fn.event = nil
		if got := serve(t, h, get("/shut")).StatusCode; got != status || fn.event != nil {
			t.Errorf("%s: status %d when refused, want %d", source, got, status)
		}
	}
}

func TestEvents_RegionAndAccount(t *testing.T) {
	region, account := frontdoor.WithRegion("eu-west-1"), frontdoor.WithAccountID("111122223333")
	for source, want := range map[frontdoor.Source][]string{
		frontdoor.RESTAPI:     {`"accountId":"111122223333"`, `"domainName":"emulator01.execute-api.eu-west-1.amazonaws.com"`},
		frontdoor.HTTPAPI:     {`"accountId":"111122223333"`, `"domainName":"emulator01.execute-api.eu-west-1.amazonaws.com"`},
		frontdoor.HTTPAPIv1:   {`"accountId":"111122223333"`, `"domainName":"emulator01.execute-api.eu-west-1.amazonaws.com"`},
		frontdoor.ALB:         {`"arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/`},
		frontdoor.ALBMulti:    {`"arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/`},
		frontdoor.VPCLattice:  {`"region":"eu-west-1"`, `"arn:aws:vpc-lattice:eu-west-1:111122223333:servicenetwork/`, `"arn:aws:ec2:eu-west-1:111122223333:vpc/`},
		frontdoor.FunctionURL: {`"domainName":"emulator01.lambda-url.eu-west-1.on.aws"`},
	} {
		fn := &fake{response: `{"statusCode":200}`}
		located := &locatedFake{fake: fn, config: emulator.Config{Region: "eu-west-1", AccountID: "111122223333"}}
		for how, door := range map[string]http.Handler{
			"by options": frontDoor(t, fn, source, region, account), "by the function": frontDoor(t, located, source),
		} {
			serve(t, door, get("/"))
			for _, want := range want {
				if !bytes.Contains(fn.event, []byte(want)) {
					t.Errorf("%s, %s: event %s\nlacks %s", source, how, fn.event, want)
				}
			}
		}
	}
}

// locatedFake is a fake with a configuration, like emulator.Function.
type locatedFake struct {
	*fake
	config emulator.Config
}

func (f *locatedFake) Config() emulator.Config { return f.config }

func TestNew_InvalidOptions(t *testing.T) {
	authorizer := frontdoor.WithAuthorizer(func(*http.Request) (frontdoor.Authorized, bool) { return frontdoor.Authorized{}, true })
	for name, test := range map[string]struct {
		source frontdoor.Source
		option frontdoor.Option
		want   string
	}{
		"an unknown source":                    {"sqs", frontdoor.WithStage("x"), "unknown source"},
		"a streaming HTTP API":                 {frontdoor.HTTPAPI, frontdoor.WithStreaming(), "cannot stream"},
		"a streaming load balancer":            {frontdoor.ALB, frontdoor.WithStreaming(), "cannot stream"},
		"a stage of a function URL":            {frontdoor.FunctionURL, frontdoor.WithStage("x"), "neither stages nor base paths"},
		"a base path of a load balancer":       {frontdoor.ALBMulti, frontdoor.WithBasePath("x"), "neither stages nor base paths"},
		"an authorizer before a load balancer": {frontdoor.ALB, authorizer, "no authorizer"},
		"a stage of VPC Lattice":               {frontdoor.VPCLattice, frontdoor.WithStage("x"), "neither stages nor base paths"},
		"an authorizer in VPC Lattice V1":      {frontdoor.VPCLatticeV1, authorizer, "no authorizer"},
		"an invalid region":                    {frontdoor.RESTAPI, frontdoor.WithRegion("Ireland"), `region "Ireland"`},
		"an empty region":                      {frontdoor.RESTAPI, frontdoor.WithRegion(""), `region ""`},
		"an invalid account ID":                {frontdoor.RESTAPI, frontdoor.WithAccountID("1234"), `account ID "1234"`},
		"binary types of an HTTP API":          {frontdoor.HTTPAPIv1, frontdoor.WithBinaryMediaTypes("*/*"), "no binary media types"},
		"no binary types of a load balancer":   {frontdoor.ALB, frontdoor.WithBinaryMediaTypes(), "no binary media types"},
		"a timeout of a load balancer":         {frontdoor.ALBMulti, frontdoor.WithTimeout(time.Second), "timeout"},
		"a timeout of a function URL":          {frontdoor.FunctionURL, frontdoor.WithTimeout(time.Second), "timeout"},
		"a timeout of zero":                    {frontdoor.HTTPAPI, frontdoor.WithTimeout(0), "timeout 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := frontdoor.New(&fake{}, test.source, test.option)
			if err == nil || h != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v, want an error about %s", h, err, test.want)
			}
		})
	}
	_, err := frontdoor.New(&fake{}, frontdoor.RESTAPI, frontdoor.WithStreaming(), frontdoor.WithTimeout(time.Second))
	if err == nil || !strings.Contains(err.Error(), "stream") {
		t.Errorf("a timeout of a stream: %v, want an error", err)
	}
}

func TestParseSource(t *testing.T) {
	for _, want := range frontdoor.Sources() {
		if got, err := frontdoor.ParseSource(string(want)); err != nil || got != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	_, err := frontdoor.ParseSource("sqs")
	const want = `frontdoor: unknown source "sqs", want one of rest-api, http-api, http-api-v1, alb, alb-multi, function-url, vpc-lattice, vpc-lattice-v1`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
