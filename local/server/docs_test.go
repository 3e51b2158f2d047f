package server_test

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/gen/openapi"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

func TestDocs_ShowsCallsOfEveryListener(t *testing.T) {
	s := startWith(t, []service.Option{service.WithOpenAPI(openapi.Documents)}, nil)
	get(t, "http://"+s.http+"/v1/ping")
	get(t, "http://"+s.docs+"/call/v1/echo/7?text=x")
	calls := get(t, "http://"+s.docs+"/calls")
	for _, want := range []string{"test.v1.PingService/Ping", "test.v1.EchoService/Echo", "2 of the latest 2 calls", "tcp"} {
		if !strings.Contains(calls, want) {
			t.Errorf("no %q in\n%s", want, calls)
		}
	}
	if viewer := get(t, "http://"+s.docs+"/openapi"); !strings.Contains(viewer, "example.openapi.json") {
		t.Error(viewer)
	}
	if warned := strings.Contains(s.log.String(), "level=WARN"); warned {
		t.Errorf("a warning on the loopback:\n%s", s.log)
	}
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

func TestDocs_Off(t *testing.T) {
	s := startWith(t, []service.Option{service.WithOpenAPI(openapi.Documents)}, nil, "-docs", "off")
	if s.docs != "" {
		t.Errorf("the page is at %s", s.docs)
	}
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

func TestDocs_WarnsBeyondLoopback(t *testing.T) {
	s := start(t, nil, "-docs", ":0")
	if !strings.Contains(s.log.String(), "level=WARN") || !strings.Contains(s.log.String(), "want a loopback address") {
		t.Errorf("no warning:\n%s", s.log)
	}
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

func TestDocs_SendsCallThroughTheFunction(t *testing.T) {
	s := start(t, nil, "-lambda", thisBinary(t), "-source", "rest-api", "-stage", "dev")
	get(t, "http://"+s.http+"/dev/v1/echo/7?text=hello")
	for _, source := range []string{"rest-api", "http-api", "alb", "function-url"} {
		r, err := http.Post("http://"+s.docs+"/calls/1?source="+source, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(body), "&#34;text&#34;: &#34;hello&#34;"); n < 3 {
			t.Errorf("%s: %d %d responses in\n%s", source, r.StatusCode, n, body)
		}
	}
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

func TestFunction_DoesNotLinkThePage(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../lambda", "../../lambda/function").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"local/server", "swgui"} {
		if strings.Contains(string(out), unwanted+"\n") || strings.Contains(string(out), unwanted+"/") {
			t.Errorf("the function links %s", unwanted)
		}
	}
}
