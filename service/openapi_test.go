package service_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestNew_RefusesUnusedOpenAPIDocuments(t *testing.T) {
	option := service.WithOpenAPI(fstest.MapFS{})
	if _, err := service.New(t.Context(), transport.InProcess(), option); err == nil || !strings.Contains(err.Error(), "WithOpenAPI") {
		t.Errorf("New: %v, want an error that names the option", err)
	}
	if got := service.OpenAPI(option); len(got) != 1 {
		t.Errorf("%d file systems", len(got))
	}
	s, err := service.New(t.Context(), transport.InProcess(), option)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := service.New(t.Context(), transport.InProcess(), service.WithOpenAPI(nil)); err == nil || !strings.Contains(err.Error(), "not nil") {
		t.Errorf("New without documents: %v", err)
	}
}

func TestBound(t *testing.T) {
	bound := service.Bound(bindTest(testService{}))
	if len(bound) != 1 || len(bound["test.v1.TestService"].Methods) == 0 {
		t.Errorf("%v", bound)
	}
}
