package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// oneInvocation is a Runtime API that has one event and prints the response.
func oneInvocation(event string, answered func()) *httptest.Server {
	events := make(chan string, 1)
	events <- event
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			select {
			case e := <-events:
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536")
				w.Header().Set("Lambda-Runtime-Deadline-Ms", "4102444800000")
				_, _ = io.WriteString(w, e)
			case <-r.Context().Done():
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, call, _ := strings.Cut(r.URL.Path, "/runtime/")
		fmt.Printf("%s %s: %s\n", r.Method, call, body)
		w.WriteHeader(http.StatusAccepted)
		answered()
	}))
}

// greet responds to {"name": "Ada"} with {"greeting": "Hello, Ada"}.
type greet struct{}

func (greet) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct{ Name string }
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	runtimeapi.After(ctx, func(context.Context) { fmt.Println("greeted", event.Name) })
	return json.Marshal(map[string]string{"greeting": "Hello, " + event.Name})
}

func Example() {
	ctx, stop := context.WithCancel(context.Background()) // by SIGTERM, in a function
	api := oneInvocation(`{"name": "Ada"}`, stop)
	defer api.Close()
	cfg, err := runtimeapi.FromEnv(func(name string) string {
		return map[string]string{"AWS_LAMBDA_RUNTIME_API": strings.TrimPrefix(api.URL, "http://")}[name]
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.WithoutExtension = true // that API has none
	client, err := runtimeapi.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	client.RegisterOnShutdown(func(context.Context) error {
		fmt.Println("shut down")
		return nil
	})
	fmt.Println(client.Serve(ctx, greet{}))
	// Output:
	// POST invocation/8476a536/response: {"greeting":"Hello, Ada"}
	// greeted Ada
	// shut down
	// <nil>
}

func ExampleStreamFunc() {
	ctx, stop := context.WithCancel(context.Background())
	api := oneInvocation(`{}`, stop)
	defer api.Close()
	cfg := runtimeapi.Config{Address: strings.TrimPrefix(api.URL, "http://"), WithoutExtension: true}
	numbers := runtimeapi.StreamFunc(func(context.Context, json.RawMessage) (io.Reader, error) {
		r, w := io.Pipe()
		go func() {
			for i := range 3 {
				fmt.Fprintf(w, "%d;", i)
			}
			w.Close()
		}()
		return r, nil
	})
	fmt.Println(runtimeapi.Serve(ctx, numbers, cfg))
	// Output:
	// POST invocation/8476a536/response: 0;1;2;
	// <nil>
}

func ExampleClient_FailInit() {
	api := oneInvocation("", func() {})
	defer api.Close()
	client, err := runtimeapi.New(runtimeapi.Config{Address: strings.TrimPrefix(api.URL, "http://"), WithoutExtension: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.FailInit(errors.New(`TABLE="": want the name of a table`)))
	// Output:
	// POST init/error: {"errorMessage":"TABLE=\"\": want the name of a table","errorType":"Runtime.InitError"}
	// TABLE="": want the name of a table
}
