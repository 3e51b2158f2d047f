package event

import (
	"net/http"
	"testing"
)

func TestCanonical(t *testing.T) {
	for _, name := range []string{
		"accept", "accept-encoding", "accept-language", "authorization", "content-length", "content-type", "host", "user-agent",
		"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "Accept", "x-another", "not a name",
	} {
		if got, want := canonical(name), http.CanonicalHeaderKey(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
