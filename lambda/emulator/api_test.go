package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
)

func TestRuntimeAPI_RefusesInvalidCalls(t *testing.T) {
	var out testlog.Buffer
	cfg := config(t, "raw", "RAW=refusals")
	cfg.Stdout = &out
	f := start(t, cfg)
	response, err := f.Invoke(t.Context(), []byte(`{}`))
	if err != nil || string(response.Payload) != "2" {
		t.Errorf("response %q, %v", response.Payload, err)
	}
	waitForLines(t, &out, 5)
	want := []string{
		`403 {"errorType":"InvalidStateTransition","errorMessage":"the previous invocation has no response yet"}`,
		`400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`,
		`400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`,
		`202 {"status":"OK"}`,
		`400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestRuntimeAPI_RefusesSecondResponseDuringTheFirst(t *testing.T) {
	var out testlog.Buffer
	cfg := config(t, "raw", "RAW=overlapping")
	cfg.Stdout = &out
	f := start(t, cfg)
	response, err := f.Invoke(t.Context(), []byte(`{}`))
	if err != nil || string(response.Payload) != "2" {
		t.Errorf("response %q, %v", response.Payload, err)
	}
	waitForLines(t, &out, 2)
	const want = `400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}` + "\n202\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestExtensionAPI(t *testing.T) {
	var out testlog.Buffer
	cfg := config(t, "raw", "RAW=extensions")
	cfg.Stdout = &out
	f := start(t, cfg)
	response, err := f.Invoke(t.Context(), []byte(`{}`))
	if err != nil || string(response.Payload) != "4" {
		t.Errorf("response %q, %v", response.Payload, err)
	}
	waitForLines(t, &out, 11)
	type line struct {
		Status, Type string
	}
	want := []line{
		{"403", "Extension.InvalidEventType"}, // SHUTDOWN is for external extensions only
		{"403", "Extension.InvalidEventType"},
		{"403", "Extension.InvalidExtensionName"},
		{"403", "InvalidRequestFormat"},
		{"200", ""},
		{"403", "Extension.AlreadyRegistered"},
		{"403", "Extension.MissingExtensionIdentifier"},
		{"403", "Extension.UnknownExtensionIdentifier"},
		{"200", "INVOKE " + response.RequestID},
		{"403", "Extension.RegistrationClosed"},
		{"202", ""},
	}
	var got []line
	for text := range strings.Lines(out.String()) {
		status, body, _ := strings.Cut(text, " ")
		var doc struct{ ErrorType, EventType, RequestID string }
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		got = append(got, line{status, strings.TrimSpace(doc.ErrorType + doc.EventType + " " + doc.RequestID)})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
