package event_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// TestCapturedEvents compares the requests made of whole events, as AWS sends
// them, with the requests that the clients sent.
func TestCapturedEvents(t *testing.T) {
	type want struct {
		Path, RequestURI, Host, RemoteAddr string
		Query                              url.Values
		List                               []string
		Info                               event.Info
	}
	all := url.Values{"tag": {"one", "two"}, "q": {"a+b c"}, "empty": {""}}
	bare := url.Values{"tag": {"one", "two"}, "q": {"a+b c"}, "empty": {""}, "bare": {""}}
	const (
		network = "arn:aws:vpc-lattice:eu-west-1:123456789012:"
		service = "echo-0a1b2c3d4e5f60718.7d67968.vpc-lattice-svcs.eu-west-1.on.aws"
		gateway = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
		lb      = "echo-1234567890.eu-west-1.elb.amazonaws.com"
		furl    = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws"
	)
	tests := map[string]want{
		"rest-api": {
			Path: "/v1/echo/a/b", RequestURI: "/v1/echo/a%2Fb?tag=one&tag=two&q=a%2Bb+c&empty=", Host: gateway,
			RemoteAddr: "203.0.113.7:0", Query: all, List: []string{"a", "b"},
			Info: event.Info{
				Source: event.RESTAPI, RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", ClientAddress: "203.0.113.7",
				Stage: "prod", APIID: "a1b2c3d4e5", AccountID: "123456789012", RouteKey: "/{proxy+}",
				PathParameters: `{"proxy": "v1/echo/a%2Fb"}`,
			},
		},
		"http-api": {
			Path: "/v1/echo/a b", RequestURI: "/v1/echo/a%20b?tag=one&tag=two&q=a%2Bb+c&empty=&bare", Host: gateway,
			RemoteAddr: "203.0.113.7:0", Query: bare, List: []string{"a,b"},
			Info: event.Info{
				Source: event.HTTPAPI, RequestID: "JKJaXmPLvHcESHA=", ClientAddress: "203.0.113.7",
				Stage: "prod", APIID: "a1b2c3d4e5", AccountID: "123456789012", RouteKey: "$default",
				Authorizer: event.Authorizer{
					Type: event.JWTAuthorizer, Principal: "user-1", Scopes: []string{"echo.read", "echo.write"},
					Claims: map[string]string{"sub": "user-1", "cognito:groups": "[admin ops]", "name": "Zoë", "exp": "1784801642"},
				},
			},
		},
		"http-api-v1": {
			Path: "/v1/echo/a b", RequestURI: "/v1/echo/a%20b?tag=one&tag=two&q=a%2Bb+c&empty=", Host: gateway,
			RemoteAddr: "203.0.113.7:0", Query: all, List: []string{"a", "b"},
			Info: event.Info{
				Source: event.HTTPAPIv1, RequestID: "JKJaXmPLvHcESHA=", ClientAddress: "203.0.113.7",
				Stage: "prod", APIID: "a1b2c3d4e5", AccountID: "123456789012",
				RouteKey: "ANY /{proxy+}", PathParameters: `{"proxy": "v1/echo/a b"}`,
				Authorizer: event.Authorizer{
					Type: event.LambdaAuthorizer, Principal: "user-1",
					Claims: map[string]string{"tenant": "acme", "admin": "true", "principalId": "user-1"},
				},
			},
		},
		"alb": {
			Path: "/v1/echo/a/b", RequestURI: "/v1/echo/a%2Fb?tag=two&q=a%2Bb+c&empty=", Host: lb,
			RemoteAddr: "203.0.113.7:0", Query: url.Values{"tag": {"two"}, "q": {"a+b c"}, "empty": {""}}, List: []string{"b"},
			Info: event.Info{Source: event.ALB, ClientAddress: "203.0.113.7"},
		},
		"alb-multi": {
			Path: "/v1/echo/a/b", RequestURI: "/v1/echo/a%2Fb?tag=one&tag=two&q=a%2Bb+c&empty=", Host: lb,
			RemoteAddr: "203.0.113.7:0", Query: all, List: []string{"a", "b"},
			Info: event.Info{Source: event.ALB, ClientAddress: "203.0.113.7"},
		},
		"vpc-lattice": {
			Path: "/v1/echo/a/b", RequestURI: "/v1/echo/a%2Fb?tag=one&tag=two&q=a%2Bb+c&empty=&bare", Host: service,
			RemoteAddr: "203.0.113.7:0", Query: bare, List: []string{"a", "b"},
			Info: event.Info{
				Source: event.VPCLattice, ClientAddress: "203.0.113.7",
				Lattice: event.Lattice{
					ServiceNetworkARN: network + "servicenetwork/sn-0123456789abcdef0", ServiceARN: network + "service/svc-0a1b2c3d4e5f60718",
					SourceVPCARN: "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-0fedcba9876543210",
				},
				Authorizer: event.Authorizer{
					Type: event.IAMAuthorizer, Principal: "arn:aws:sts::210987654321:assumed-role/orders/session-1",
					Claims: map[string]string{
						"type": "AWS_IAM", "principal": "arn:aws:sts::210987654321:assumed-role/orders/session-1",
						"principalOrgID": "o-a1b2c3d4e5", "sessionName": "session-1",
					},
				},
			},
		},
		"vpc-lattice-v1": {
			Path: "/v1/echo/a/b", RequestURI: "/v1/echo/a%2Fb?tag=one&tag=two&q=a%2Bb+c&empty=&bare", Host: service,
			RemoteAddr: "203.0.113.7:0", Query: bare, List: []string{"a,b"},
			Info: event.Info{Source: event.VPCLatticeV1, ClientAddress: "203.0.113.7"},
		},
		"function-url": {
			Path: "/v1/echo/a/b", RequestURI: "/v1/echo/a%2Fb?tag=one&tag=two&q=a%2Bb+c&empty=&bare", Host: furl,
			RemoteAddr: "203.0.113.7:0", Query: bare, List: []string{"a,b"},
			Info: event.Info{
				Source: event.FunctionURL, RequestID: "e1506fd5-9e7b-434f-bd42-4f8fa224b599", ClientAddress: "203.0.113.7",
				Stage: "$default", APIID: "abcdefghijklmnopqrstuvwxyz012345", AccountID: "123456789012", RouteKey: "$default",
				Authorizer: event.Authorizer{
					Type: event.IAMAuthorizer, Principal: "arn:aws:iam::123456789012:user/alice",
					Claims: map[string]string{
						"accessKey": "AKIAIOSFODNN7EXAMPLE", "accountId": "123456789012", "callerId": "AIDACKCEVSQ6C2EXAMPLE",
						"userArn": "arn:aws:iam::123456789012:user/alice", "userId": "AIDACKCEVSQ6C2EXAMPLE",
					},
				},
			},
		},
	}
	each(t, func(t *testing.T, kind string) {
		captured, err := os.ReadFile("testdata/" + kind + ".json")
		if err != nil {
			t.Fatal(err)
		}
		r, body := seen(t, kind, captured)
		got := want{
			Path: r.URL.Path, RequestURI: r.RequestURI, Host: r.Host, RemoteAddr: r.RemoteAddr,
			Query: r.URL.Query(), List: r.Header["X-List"],
		}
		got.Info, _ = event.FromContext(r.Context())
		var whole struct{ RequestContext json.RawMessage }
		if err := json.Unmarshal(captured, &whole); err != nil || got.Info.RequestContext != string(whole.RequestContext) {
			t.Errorf("the request context is %q, want %q, %v", got.Info.RequestContext, whole.RequestContext, err)
		}
		got.Info.RequestContext = ""
		want := tests[kind]
		want.Info.ColdStart = true
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the request is not what the client sent (-want +got):\n%s", diff)
		}
		if body != `{"text":"hello"}` || r.ContentLength != int64(len(body)) {
			t.Errorf("the body is %q, its length %d", body, r.ContentLength)
		}
		if r.Method != http.MethodPost || r.TLS == nil || r.Proto != "HTTP/1.1" {
			t.Errorf("got %s %s, TLS %v", r.Method, r.Proto, r.TLS)
		}
		if got := r.Header.Get("If-Modified-Since"); got != "Tue, 15 Nov 1994 12:45:26 GMT" {
			t.Errorf("a date became %q", got)
		}
		if cookies := r.Header["Cookie"]; kind != "rest-api" && !cmp.Equal(cookies, []string{"session=1234; theme=dark"}) {
			t.Errorf("the cookies became %q", cookies)
		}
		if r.Header["Host"] != nil || strings.Contains(r.URL.String(), "amazonaws") {
			t.Errorf("the host is in %v or in %v", r.Header, r.URL)
		}
	})
}
