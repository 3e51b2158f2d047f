package recipes_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/klauspost/compress/gzhttp"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// compress compresses responses of 1 KiB and more for clients that accept it.
func compress(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		gzhttp.GzipHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next(w, r, params)
		})).ServeHTTP(w, r)
	}
}

type largeOrders struct{ orders }

func (largeOrders) GetOrder(context.Context, *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	return &shopv1.Order{Item: strings.Repeat("teapot ", 1000)}, nil
}

func Example_compression() {
	svc := open(bindOrders(largeOrders{}), service.WithMuxOptions(runtime.WithMiddlewares(compress)))
	defer svc.Close()
	for _, path := range []string{"/v1/orders/1", "/v1/orders/1:watch"} {
		w := call(svc, "GET", path, "", "Accept-Encoding", "gzip")
		unzipped, err := gzip.NewReader(w.Body)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(unzipped)
		fmt.Println(w.Header().Get("Content-Encoding"), w.Header().Get("Vary"), strings.Count(string(body), "teapot"), err)
	}
	fmt.Println(strings.Count(call(svc, "GET", "/v1/orders/1", "").Body.String(), "teapot"))

	response, err := event.NewHandler(svc).Invoke(context.Background(), []byte(`{
		"version": "2.0",
		"rawPath": "/v1/orders/1",
		"headers": {"accept-encoding": "gzip"},
		"requestContext": {"http": {"method": "GET", "path": "/v1/orders/1"}}
	}`))
	var answer struct{ IsBase64Encoded bool }
	fmt.Println(err, json.Unmarshal(response, &answer), answer.IsBase64Encoded)
	// Output:
	// gzip Accept-Encoding 1000 <nil>
	// gzip Accept-Encoding 2 <nil>
	// 1000
	// <nil> <nil> true
}
