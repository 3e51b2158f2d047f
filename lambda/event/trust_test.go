package event_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// spellings are names that a proxy or gateway may turn into reserved ones.
var spellings = []string{
	"x-lambda-event-source", "X-Lambda-Event-Source", "X-LAMBDA-EVENT-SOURCE", "x_lambda_event_source", "X-Lambda_Event-Source",
	"x-lambda-event-", "X-Lambda-Event-Anything-bin",
	"Grpc-Metadata-X-Lambda-Event-Source", "grpc-metadata-x_lambda_event_source", "GRPC_METADATA_X_LAMBDA_EVENT_SOURCE",
	"Grpc-Metadata-Grpc-Metadata-X-Lambda-Event-Source",
	core.APIGwContextHeader, core.APIGwStageVarsHeader, core.ALBContextHeader,
	strings.ToLower(core.APIGwContextHeader), "X_GoLambdaProxy_Anything", "Grpc-Metadata-" + core.APIGwContextHeader,
}

func TestReservedHeadersNeverArrive(t *testing.T) {
	each(t, func(t *testing.T, kind string) {
		for _, name := range spellings {
			r, _ := seen(t, kind, payload(t, kind, request{target: "/", header: http.Header{
				name: {"forged", "twice"}, "X-Lambda-Evening": {"1"}, "Lambda-Event-Source": {"1"}, "X-Golambda": {"1"}, "Grpc-Metadata-X": {"1"},
			}}))
			for _, kept := range []string{"X-Lambda-Evening", "Lambda-Event-Source", "X-Golambda", "Grpc-Metadata-X"} {
				if r.Header.Get(kept) != "1" {
					t.Errorf("%s was dropped together with %s", kept, name)
				}
			}
			if len(r.Header) != 4 {
				t.Errorf("%s left something: %v", name, r.Header)
			}
			if info, _ := event.FromContext(r.Context()); string(info.Source) != strings.TrimSuffix(kind, "-multi") {
				t.Errorf("%s changed the source to %q", name, info.Source)
			}
		}
	})
}

func TestFromContext(t *testing.T) {
	t.Run("it knows what Lambda says of the invocation", func(t *testing.T) {
		each(t, func(t *testing.T, kind string) {
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
				AwsRequestID: "inv-1", InvokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:f:live", TenantID: "acme",
			})
			ctx = context.WithValue(ctx, "x-amzn-trace-id", "Root=1-2-3") //nolint:staticcheck,revive // the key of aws-lambda-go
			var info event.Info
			var found bool
			h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { info, found = event.FromContext(r.Context()) }))
			if _, err := h.Invoke(ctx, payload(t, kind, request{target: "/"})); err != nil || !found {
				t.Fatal(err, found)
			}
			got := fmt.Sprint(info.InvocationID, " ", info.FunctionARN, " ", info.TenantID, " ", info.TraceID)
			if got != "inv-1 arn:aws:lambda:eu-west-1:123456789012:function:f:live acme Root=1-2-3" {
				t.Errorf("got %s", got)
			}
			if none := strings.HasPrefix(kind, "alb") || strings.HasPrefix(kind, "vpc-lattice"); none != (info.RequestID == "inv-1") || info.RequestID == "" {
				t.Errorf("the request's id is %q", info.RequestID)
			}
			if !info.ColdStart {
				t.Error("the first request is no cold start")
			}
			if _, err := h.Invoke(ctx, payload(t, kind, request{target: "/"})); err != nil || info.ColdStart {
				t.Error("the second request is a cold start", err)
			}
		})
	})
	t.Run("outside of an invocation there is none", func(t *testing.T) {
		if info, ok := event.FromContext(t.Context()); ok || !reflect.DeepEqual(info, event.Info{}) {
			t.Errorf("got %v, %v", info, ok)
		}
	})
	t.Run("a test can put one there", func(t *testing.T) {
		ctx := event.NewContext(t.Context(), event.Info{Stage: "test"})
		if info, ok := event.FromContext(ctx); !ok || info.Stage != "test" {
			t.Errorf("got %v, %v", info, ok)
		}
	})
}

func TestAuthorizers(t *testing.T) {
	identity := map[string]any{
		"sourceIp": "203.0.113.7", "userAgent": "curl", "accessKey": "AKIA", "accountId": "123456789012", "caller": "AIDA",
		"user": "AIDA", "userArn": "arn:aws:iam::123456789012:user/alice", "apiKey": "secret", "apiKeyId": "k", "cognitoIdentityId": nil,
	}
	tests := map[string]struct {
		kinds                []string
		authorizer, identity any
		want                 event.Authorizer
	}{
		"none": {kinds: []string{"rest-api", "http-api", "http-api-v1", "alb", "alb-multi", "function-url", "vpc-lattice"}},
		"a caller of VPC Lattice who signed": {
			kinds:    []string{"vpc-lattice"},
			identity: map[string]any{"sourceVpcArn": "vpc", "type": "AWS_IAM", "principal": "arn", "x509SanDns": "a.example", "sessionName": nil},
			want:     event.Authorizer{Type: event.IAMAuthorizer, Principal: "arn", Claims: map[string]string{"type": "AWS_IAM", "principal": "arn", "x509SanDns": "a.example"}},
		},
		"one who did not": {
			kinds: []string{"vpc-lattice"}, identity: map[string]any{"sourceVpcArn": "vpc", "type": "AWS_IAM", "principal": ""},
		},
		"a Cognito user pool, or a JWT in payload 1.0": {
			kinds:      []string{"rest-api", "http-api-v1"},
			authorizer: map[string]any{"claims": map[string]any{"sub": "u", "email_verified": "true", "exp": 17}, "scopes": []string{"a", "b"}},
			want:       event.Authorizer{Type: event.JWTAuthorizer, Principal: "u", Scopes: []string{"a", "b"}, Claims: map[string]string{"sub": "u", "email_verified": "true", "exp": "17"}},
		},
		"a JWT in payload 2.0": {
			kinds:      []string{"http-api"},
			authorizer: map[string]any{"jwt": map[string]any{"claims": map[string]any{"sub": "u", "https://example.com/roles": "[admin]"}, "scopes": nil}},
			want:       event.Authorizer{Type: event.JWTAuthorizer, Principal: "u", Claims: map[string]string{"sub": "u", "https://example.com/roles": "[admin]"}},
		},
		"a Lambda authorizer in payload 1.0": {
			kinds:      []string{"rest-api", "http-api-v1"},
			authorizer: map[string]any{"principalId": "u", "integrationLatency": 3, "admin": "true", "nothing": nil},
			want:       event.Authorizer{Type: event.LambdaAuthorizer, Principal: "u", Claims: map[string]string{"principalId": "u", "integrationLatency": "3", "admin": "true"}},
		},
		"one whose context looks like claims": {
			kinds:      []string{"rest-api"},
			authorizer: map[string]any{"claims": `{"sub":"forged"}`},
			want:       event.Authorizer{Type: event.LambdaAuthorizer, Claims: map[string]string{"claims": `{"sub":"forged"}`}},
		},
		"a Lambda authorizer in payload 2.0": {
			kinds:      []string{"http-api"},
			authorizer: map[string]any{"lambda": map[string]any{"admin": true, "tenants": []any{"a", "b"}, "name": "Zoë"}},
			want:       event.Authorizer{Type: event.LambdaAuthorizer, Claims: map[string]string{"admin": "true", "tenants": `["a","b"]`, "name": "Zoë"}},
		},
		"IAM in payload 1.0": {
			kinds: []string{"rest-api", "http-api-v1"}, identity: identity,
			want: event.Authorizer{Type: event.IAMAuthorizer, Principal: "arn:aws:iam::123456789012:user/alice", Claims: map[string]string{
				"accessKey": "AKIA", "accountId": "123456789012", "caller": "AIDA", "user": "AIDA", "userArn": "arn:aws:iam::123456789012:user/alice",
			}},
		},
		"IAM in payload 2.0": {
			kinds:      []string{"http-api", "function-url"},
			authorizer: map[string]any{"iam": map[string]any{"userArn": "arn", "accountId": "1", "cognitoIdentity": nil}},
			want:       event.Authorizer{Type: event.IAMAuthorizer, Principal: "arn", Claims: map[string]string{"userArn": "arn", "accountId": "1"}},
		},
		"an authorizer that says nothing": {
			kinds: []string{"rest-api", "http-api", "function-url"}, authorizer: map[string]any{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, kind := range tt.kinds {
				r, _ := seen(t, kind, payload(t, kind, request{target: "/"}, func(e map[string]any) {
					ctx := e["requestContext"].(map[string]any)
					if tt.authorizer != nil {
						ctx["authorizer"] = tt.authorizer
					}
					if tt.identity != nil {
						ctx["identity"] = tt.identity
					}
				}))
				info, _ := event.FromContext(r.Context())
				if diff := cmp.Diff(tt.want, info.Authorizer); diff != "" {
					t.Errorf("%s: (-want +got):\n%s", kind, diff)
				}
			}
		})
	}
}
