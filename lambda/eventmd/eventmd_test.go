package eventmd_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
)

func TestFromContext(t *testing.T) {
	info := event.Info{
		Source: event.HTTPAPI, RequestID: "r", InvocationID: "i", ClientAddress: "2001:db8::1", Stage: "$default", APIID: "a",
		AccountID: "1", FunctionARN: "arn:f", TenantID: "Zoë", TraceID: " t", ColdStart: true, RouteKey: "GET /v1/{id}", APIKeyID: "k",
		Lattice:           event.Lattice{ServiceNetworkARN: "arn:sn", ServiceARN: "arn:svc", SourceVPCARN: "arn:vpc"},
		ClientCertificate: &event.ClientCertificate{PEM: "pem", Subject: "CN=Zoë", Issuer: "CN=ca", SerialNumber: "a1:b2"},
		PathParameters:    `{"id":"7"}`, StageVariables: `{"level":"debug"}`, RequestContext: `{"stage":"$default"}`,
		Authorizer: event.Authorizer{
			Type: event.JWTAuthorizer, Principal: "a\x7fb", Scopes: []string{"read", "schön"},
			Claims: map[string]string{"sub": "u", "Sub": "U", "cognito:groups": "[a b]", "n\u00e4me": "€😀\"\\\n\x7f"},
		},
	}
	ctx := event.NewContext(t.Context(), info)
	want := [][2]string{
		{"x-lambda-event-source", "http-api"},
		{"x-lambda-event-request-id", "r"},
		{"x-lambda-event-invocation-id", "i"},
		{"x-lambda-event-client-address", "2001:db8::1"},
		{"x-lambda-event-stage", "$default"},
		{"x-lambda-event-api-id", "a"},
		{"x-lambda-event-account-id", "1"},
		{"x-lambda-event-function-arn", "arn:f"},
		{"x-lambda-event-tenant-id-bin", "Zoë"},
		{"x-lambda-event-trace-id-bin", " t"},
		{"x-lambda-event-route-key", "GET /v1/{id}"},
		{"x-lambda-event-api-key-id", "k"},
		{"x-lambda-event-service-network-arn", "arn:sn"},
		{"x-lambda-event-service-arn", "arn:svc"},
		{"x-lambda-event-source-vpc-arn", "arn:vpc"},
		{"x-lambda-event-client-cert-subject-bin", "CN=Zoë"},
		{"x-lambda-event-client-cert-issuer", "CN=ca"},
		{"x-lambda-event-client-cert-serial", "a1:b2"},
		{"x-lambda-event-cold-start", "true"},
		{"x-lambda-event-authorizer-type", "jwt"},
		{"x-lambda-event-authorizer-principal-bin", "a\x7fb"},
		{"x-lambda-event-authorizer-scope", "read"},
		{"x-lambda-event-authorizer-scope-bin", "schön"},
		{"x-lambda-event-authorizer-claims", `{"Sub":"U","cognito:groups":"[a b]","n\u00e4me":"\u20ac\ud83d\ude00\"\\\u000a\u007f","sub":"u"}`},
	}
	var got [][2]string
	valid := regexp.MustCompile(`^x-lambda-event-[a-z-]+$`)
	for key, value := range eventmd.FromContext(ctx) {
		got = append(got, [2]string{key, value})
		if !valid.MatchString(key) || !strings.HasPrefix(key, eventmd.Prefix) {
			t.Errorf("%q is no key for metadata", key)
		}
		if !strings.HasSuffix(key, "-bin") && strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s has the value %q, which metadata cannot have", key, value)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var claims map[string]string
	if err := json.Unmarshal([]byte(got[len(got)-1][1]), &claims); err != nil || !cmp.Equal(claims, info.Authorizer.Claims) {
		t.Errorf("the claims became %q, %v", claims, err)
	}
	t.Run("without an event there is nothing", func(t *testing.T) {
		for key, value := range eventmd.FromContext(t.Context()) {
			t.Errorf("got %s: %q", key, value)
		}
	})
	t.Run("empty values are left out", func(t *testing.T) {
		for key, value := range eventmd.FromContext(event.NewContext(t.Context(), event.Info{})) {
			t.Errorf("got %s: %q", key, value)
		}
	})
	t.Run("a loop may end early", func(t *testing.T) {
		for stop := range want {
			n := 0
			for range eventmd.FromContext(ctx) {
				if n++; n > stop {
					break
				}
			}
			if n != stop+1 {
				t.Errorf("%d rounds, want %d", n, stop+1)
			}
		}
	})
}

// FuzzFromContext checks that gRPC can carry whatever an authorizer says, and that
// the claims can be read.
func FuzzFromContext(f *testing.F) {
	f.Add("sub", "\u20ac\U0001f600\"\\\n\x7f\xff")
	f.Add(" a", "b ")
	f.Fuzz(func(t *testing.T, name, value string) {
		ctx := event.NewContext(t.Context(), event.Info{Authorizer: event.Authorizer{
			Principal: value, Scopes: []string{name}, Claims: map[string]string{name: value},
		}})
		for key, got := range eventmd.FromContext(ctx) {
			if strings.HasSuffix(key, "-bin") {
				continue
			}
			if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) || strings.TrimSpace(got) != got {
				t.Errorf("%s has the value %q, which gRPC cannot carry", key, got)
			}
			if key != eventmd.Prefix+"authorizer-claims" {
				continue
			}
			var claims map[string]string
			want := map[string]string{string([]rune(name)): string([]rune(value))}
			if err := json.Unmarshal([]byte(got), &claims); err != nil || !cmp.Equal(claims, want) {
				t.Errorf("the claims are %s, %v, want %q", got, err, want)
			}
		}
	})
}
