package orders_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"

	"github.com/lambda-grpc/lambda-grpc-gateway/template/orders"
)

// behindHTTPAPI returns the service behind an HTTP API whose authorizer identifies every caller by claims. With nil claims,
// no caller is identified.
func behindHTTPAPI(t *testing.T, claims map[string]string) http.Handler {
	t.Helper()
	s, err := service.New(t.Context(), transport.InProcess(), append(orders.Options(), service.WithReservedMetadata(eventmd.FromContext))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	door, err := frontdoor.New(emulator.InProcess(event.NewHandler(s)), frontdoor.HTTPAPI,
		frontdoor.WithAuthorizer(func(*http.Request) (frontdoor.Authorized, bool) { return frontdoor.Authorized{Claims: claims}, true }))
	if err != nil {
		t.Fatal(err)
	}
	return door
}

func call(h http.Handler, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("X-Lambda-Event-Authorizer-Principal", "mallory") // has no effect
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.ReplaceAll(w.Body.String(), " ", "")
}

func TestOnlyCallersWithClaimsChangeAnOrder(t *testing.T) {
	const change = `{"quantity":3}`
	anybody := behindHTTPAPI(t, nil)
	if code, body := call(anybody, http.MethodGet, "/v1/orders/1", ""); code != http.StatusOK || !strings.Contains(body, `"quantity":2`) {
		t.Errorf("GET: %d %s", code, body)
	}
	if code, body := call(anybody, http.MethodPatch, "/v1/orders/1", change); code != http.StatusUnauthorized {
		t.Errorf("PATCH without claims: %d %s", code, body)
	}
	ann := behindHTTPAPI(t, map[string]string{"sub": "ann"})
	if code, body := call(ann, http.MethodPatch, "/v1/orders/1", change); code != http.StatusOK ||
		!strings.Contains(body, `"item":"tea","quantity":3`) {
		t.Errorf("PATCH: %d %s, want one field changed", code, body)
	}
}
