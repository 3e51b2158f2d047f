package event_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

func TestInfo_OfAPIGateway(t *testing.T) {
	certificate := map[string]any{
		"clientCertPem": "-----BEGIN CERTIFICATE-----\n", "subjectDN": "CN=ann", "issuerDN": "CN=ca", "serialNumber": "a1:b2",
		"validity": map[string]any{"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2027 GMT"},
	}
	want := &event.ClientCertificate{
		PEM: "-----BEGIN CERTIFICATE-----\n", Subject: "CN=ann", Issuer: "CN=ca", SerialNumber: "a1:b2",
		NotBefore: "May 28 12:30:02 2019 GMT", NotAfter: "Aug  5 09:36:04 2027 GMT",
	}
	for name, tt := range map[string]struct {
		kinds       []string
		context     map[string]any // members of the requestContext
		certificate *event.ClientCertificate
		keyID       string
		route       string
	}{
		"a certificate in payload 1.0": {
			kinds: []string{"rest-api", "http-api-v1"}, context: map[string]any{"identity": map[string]any{"clientCert": certificate}}, certificate: want,
		},
		"a certificate in payload 2.0": {
			kinds: []string{"http-api"}, context: map[string]any{"authentication": map[string]any{"clientCert": certificate}}, certificate: want,
		},
		"no certificate": {kinds: kinds[:3], context: map[string]any{
			"authentication": map[string]any{"clientCert": nil}, "identity": map[string]any{"clientCert": map[string]any{"subjectDN": ""}},
		}},
		"an API key": {
			kinds: []string{"rest-api"}, context: map[string]any{"identity": map[string]any{"apiKey": "secret", "apiKeyId": "k1"}}, keyID: "k1",
		},
		"the route of an HTTP API":    {kinds: []string{"http-api"}, context: map[string]any{"routeKey": "GET /v1/{id}"}, route: "GET /v1/{id}"},
		"the route in payload 1.0":    {kinds: []string{"http-api-v1"}, context: map[string]any{"resourceId": "GET /v1/{id}"}, route: "GET /v1/{id}"},
		"the resource of a REST API":  {kinds: []string{"rest-api"}, context: map[string]any{"resourcePath": "/v1/{id}"}, route: "/v1/{id}"},
		"a certificate of a balancer": {kinds: []string{"alb"}, context: map[string]any{"identity": map[string]any{"clientCert": certificate}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range tt.kinds {
				r, _ := seen(t, kind, payload(t, kind, request{target: "/"}, func(e map[string]any) {
					maps.Copy(e["requestContext"].(map[string]any), tt.context)
				}))
				info, _ := event.FromContext(r.Context())
				if diff := cmp.Diff(tt.certificate, info.ClientCertificate); diff != "" {
					t.Errorf("%s: certificate (-want +got):\n%s", kind, diff)
				}
				if info.APIKeyID != tt.keyID {
					t.Errorf("%s: API key id %q, want %q", kind, info.APIKeyID, tt.keyID)
				}
				if tt.route != "" && info.RouteKey != tt.route {
					t.Errorf("%s: route %q, want %q", kind, info.RouteKey, tt.route)
				}
			}
		})
	}
}

func TestVariables(t *testing.T) {
	for text, want := range map[event.Variables]map[string]string{
		"":                                   nil,
		"{}":                                 nil,
		"null":                               nil,
		`{"a":`:                              nil,
		`["a"]`:                              nil,
		`{"id":"7","p":"a\/b","u":"\u00fc"}`: {"id": "7", "p": "a/b", "u": "ü"},
		`{"n":1,"o":{"x":[1]},"z":null}`:     {"n": "1", "o": `{"x":[1]}`, "z": ""},
	} {
		if diff := cmp.Diff(want, text.Map()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if got := text.Get("id"); got != want["id"] {
			t.Errorf("%s: id is %q", text, got)
		}
	}
}

// The Info of a request has the path parameters of its route.
func ExampleVariables() {
	h := event.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		info, _ := event.FromContext(r.Context())
		fmt.Println(info.RouteKey, info.PathParameters.Get("id"), info.StageVariables.Map())
	}))
	_, err := h.Invoke(context.Background(), []byte(`{"version":"2.0","rawPath":"/v1/orders/7","pathParameters":{"id":"7"},
		"stageVariables":{"level":"debug"},"requestContext":{"routeKey":"GET /v1/orders/{id}","http":{"method":"GET"}}}`))
	fmt.Println(err)
	// Output:
	// GET /v1/orders/{id} 7 map[level:debug]
	// <nil>
}
