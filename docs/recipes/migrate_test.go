package recipes_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/labstack/echo/v5"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// routerMain is the main of a function with an http.Handler.
func routerMain() {
	if err := serveRouter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveRouter() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := runtimeapi.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	return runtimeapi.Serve(ctx, event.NewHandler(newRouter()), cfg)
}

func newRouter() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s", r.PathValue("name"))
	})
	return mux
}

// handlers has one handler for each router.
func handlers() map[string]*event.Handler {
	chiRouter := chi.NewRouter()
	chiRouter.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s", chi.URLParam(r, "name"))
	})
	gin.SetMode(gin.ReleaseMode)
	ginEngine := gin.New()
	ginEngine.GET("/hello/:name", func(c *gin.Context) { c.String(http.StatusOK, "Hello, %s", c.Param("name")) })
	echoServer := echo.New()
	echoServer.GET("/hello/:name", func(c *echo.Context) error { return c.String(http.StatusOK, "Hello, "+c.Param("name")) })
	fiberApp := fiber.New()
	fiberApp.Get("/hello/:name", func(c fiber.Ctx) error { return c.SendString("Hello, " + c.Params("name")) })

	return map[string]*event.Handler{
		"net/http": event.NewHandler(newRouter()),
		"chi":      event.NewHandler(chiRouter),
		"gin":      event.NewHandler(ginEngine),
		"echo":     event.NewHandler(echoServer),
		"fiber":    event.NewHandler(adaptor.FiberApp(fiberApp)),
	}
}

// lambdaMain is the main of a function that keeps aws-lambda-go's loop.
func lambdaMain() { lambda.Start(event.NewHandler(newRouter())) }

func TestRouters(t *testing.T) {
	for name, handler := range handlers() {
		t.Run(name, func(t *testing.T) {
			for path, want := range map[string]string{
				"/hello/Ada": `"statusCode":200`,
				"/nothing":   `"statusCode":404`,
			} {
				for source, payload := range map[string]string{
					"HTTP API": `{"version": "2.0", "rawPath": "` + path + `", "headers": {},
						"requestContext": {"http": {"method": "GET", "path": "` + path + `"}, "domainName": "api.example.com"}}`,
					"load balancer": `{"path": "` + path + `", "httpMethod": "GET", "headers": {"host": "api.example.com"}, "requestContext": {"elb": {"targetGroupArn": "arn"}}}`,
				} {
					answer, err := handler.Invoke(t.Context(), []byte(payload))
					if err != nil || !containsString(answer, want) || path == "/hello/Ada" && !containsString(answer, `"body":"Hello, Ada"`) {
						t.Errorf("%s %s: %s %v", source, path, answer, err)
					}
				}
			}
		})
	}
}

func containsString(answer []byte, s string) bool { return strings.Contains(string(answer), s) }

func TestRouterMain(t *testing.T) {
	for _, recipe := range []string{"router", "aws-lambda-go"} {
		t.Run(recipe, func(t *testing.T) {
			url, out := startFunction(t, recipe)
			response, err := http.Get(url + "/hello/Ada")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != 200 || string(body) != "Hello, Ada" {
				t.Errorf("%s %q %v\n%s", response.Status, body, err, out())
			}
			out()
		})
	}
}
