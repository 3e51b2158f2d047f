package event_test

import (
	"encoding/json"
	"testing"
)

// wantError checks that a response is one of the package's own: google.rpc.Status
// in JSON and nothing else.
func wantError(t testing.TB, a answer, status, code int) (message string) {
	t.Helper()
	var body struct {
		Code    *int
		Message *string
		Details *[]any
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Code == nil || body.Message == nil || body.Details == nil {
		t.Fatalf("the body of the error is %q: %v", a.body, err)
	}
	if a.status != status || *body.Code != code || *body.Message == "" || a.base64 {
		t.Errorf("got %d %s, want %d and the code %d", a.status, a.body, status, code)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("its content type is %q", got)
	}
	return *body.Message
}
