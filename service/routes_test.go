package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestWithRoute(t *testing.T) {
	answer := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var reserved []string
			for header := range r.Header {
				if strings.Contains(strings.ToLower(header), "lambda") {
					reserved = append(reserved, header)
				}
			}
			fmt.Fprint(w, name, r.PathValue("name"), reserved)
		})
	}
	s := start(t, transport.InProcess(), nil, bindTest(testService{}), service.WithCORS("https://a.example"),
		service.WithRoute("GET /files/{name}", answer("file ")),
		service.WithRoute("POST /test/v1/items/{name}/text/upload", answer("upload ")),
		service.WithRoute("PUT /test/v1/items", answer("put")),
		service.WithRoute("/", answer("other")),
	)
	for request, want := range map[string]string{
		"GET /files/a%2Fb":                   "file a/b[]",
		"HEAD /files/a":                      "file a[]",
		"GET /files/a/b":                     "other[]",
		"POST /test/v1/items/a/text/upload":  "upload a[]",
		"PUT /test/v1/items":                 "put[]",
		"GET /":                              "other[]",
		"GET /test/v1/shelves/a/item":        `"shelves/a"`,
		"HEAD /test/v1/shelves/a/item":       "",
		"GET /healthz":                       "SERVING",
		"POST /test/v1/items/a/form?text=ok": `"ok"`,
	} {
		method, target, _ := strings.Cut(request, " ")
		a := call(t, s, method, target, "", "Origin", "https://a.example", "X-Lambda-Event-Source", "forged", "X_Lambda_Event_Source", "forged")
		if a.code != 200 || !strings.Contains(a.body, want) || a.header.Get("Access-Control-Allow-Origin") != "https://a.example" {
			t.Errorf("%s: %+v, want %s, with CORS", request, a, want)
		}
	}
}

func TestWithRoute_Refuses(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /test/v1/items/{name}":       "a binding of the services serves GET /test/v1/items/x",
		"GET /test/v1/items/special":      "a binding of the services serves GET /test/v1/items/special",
		"/test/v1/files/{rest...}":        "a binding of the services serves GET /test/v1/files/x",
		"HEAD /test/v1/shelves/{id}/item": "a binding of the services serves HEAD",
		"/healthz":                        "a binding of the services serves GET /healthz",
		"no path":                         "parsing",
		"GET /a/{":                        "parsing",
	} {
		s, err := service.New(t.Context(), transport.InProcess(), bindTest(testService{}), service.WithRoute(pattern, http.NotFoundHandler()))
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("WithRoute(%q)", pattern)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names it and says %q", pattern, err, want)
		}
	}
	_, err := service.New(t.Context(), transport.InProcess(), bindTest(testService{}), service.WithRoute("/a", nil))
	if err == nil || !strings.Contains(err.Error(), `WithRoute("/a")`) {
		t.Errorf("nil: error %v", err)
	}
	twice := service.WithRoute("/a", http.NotFoundHandler())
	if _, err := service.New(t.Context(), transport.InProcess(), bindTest(testService{}), twice, twice); err == nil {
		t.Error("the same pattern twice: no error")
	}
}

func ExampleWithRoute() {
	svc, err := service.New(context.Background(), transport.InProcess(), bindPing(),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		service.WithRoute("GET /docs", http.RedirectHandler("https://docs.example.com", http.StatusFound)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	for _, path := range []string{"/docs", "/v1/ping"} {
		w := httptest.NewRecorder()
		svc.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(w.Code, w.Header().Get("Location"))
	}
	// Output:
	// 302 https://docs.example.com
	// 200
}
