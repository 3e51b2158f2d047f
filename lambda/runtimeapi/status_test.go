package runtimeapi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// TestStatuses is the table of the package's documentation.
func TestStatuses(t *testing.T) {
	t.Parallel()
	statuses := []int{200, 201, 202, 204, 301, 304, 400, 401, 403, 404, 410, 413, 429, 500, 502, 503, 599}
	goesOn := map[int]bool{200: true, 201: true, 202: true, 204: true, 400: true, 403: true, 413: true}
	for _, mode := range []struct {
		name, payload, path string
		handler             runtimeapi.Handler
	}{
		{"response", "x", "/response", handlerFunc(failing)},
		{"streamed response", "x", "/response", runtimeapi.StreamFunc(streamOf)},
		{"error", "error", "/error", handlerFunc(failing)},
	} {
		for _, status := range statuses {
			t.Run(fmt.Sprintf("%s %d", mode.name, status), func(t *testing.T) {
				a := newAPI(t)
				a.setStatus(mode.path, status)
				s := serve(t, a, mode.handler)
				a.call("/next")
				a.invoke(given{payload: mode.payload})
				a.call(mode.path)
				if !goesOn[status] {
					wantStatus(t, s.wait(), status)
					return
				}
				a.call("/next")
				if warned := strings.Contains(s.log.String(), "refused a response"); warned != (status >= 300) {
					t.Errorf("logged: %s", s.log)
				}
				s.end()
			})
		}
	}
	for _, status := range append(statuses, 0) {
		if status == 200 || status == 202 { // the recording API takes 202 for the usual one
			continue
		}
		t.Run(fmt.Sprintf("next %d", status), func(t *testing.T) {
			a := newAPI(t)
			if status == 0 {
				s := serve(t, a, handlerFunc(echo))
				a.invoke(given{header: map[string]string{"Lambda-Runtime-Aws-Request-Id": ""}})
				wantStatus(t, s.wait(), 0)
				return
			}
			a.setStatus("/next", status)
			wantStatus(t, serve(t, a, handlerFunc(echo)).wait(), status)
		})
	}
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	got, ok := errors.AsType[*runtimeapi.StatusError](err)
	if !ok || got.StatusCode != status || status >= 300 && status != 304 && !strings.Contains(err.Error(), "Refused") {
		t.Errorf("error %v, want one of status %d with the API's reason", err, status)
	}
}
