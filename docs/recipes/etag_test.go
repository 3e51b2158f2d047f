package recipes_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// notModified answers 304 in place of a body that the client has already, by
// the ETag that the handler sets.
func notModified(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		if known := r.Header.Values("If-None-Match"); len(known) > 0 && r.Method == http.MethodGet {
			w = &etagWriter{ResponseWriter: w, known: known}
		}
		next(w, r, params)
	}
}

type etagWriter struct {
	http.ResponseWriter
	known   []string
	started bool
	omit    bool // the body
}

func (w *etagWriter) WriteHeader(code int) {
	if !w.started && code == http.StatusOK && w.matches(w.Header().Get("ETag")) {
		w.omit, code = true, http.StatusNotModified
		w.Header().Del("Content-Type")
	}
	w.started = true
	w.ResponseWriter.WriteHeader(code)
}

func (w *etagWriter) Write(p []byte) (int, error) {
	if !w.started {
		w.WriteHeader(http.StatusOK)
	}
	if w.omit {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

func (w *etagWriter) matches(etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(w.known, ","), ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if etag != "" && (tag == "*" || tag == strings.TrimPrefix(etag, "W/")) {
			return true
		}
	}
	return false
}

// Unwrap lets streams flush.
func (w *etagWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type versionedOrders struct{ orders }

func (o versionedOrders) GetOrder(ctx context.Context, r *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	order, err := o.orders.GetOrder(ctx, r)
	if err != nil {
		return nil, err
	}
	return order, grpc.SetHeader(ctx, metadata.Pairs("etag", fmt.Sprintf(`"v%d"`, order.GetQuantity())))
}

func Example_etag() {
	svc := open(bindOrders(versionedOrders{}),
		service.WithMuxOptions(runtime.WithMiddlewares(notModified)),
		service.WithResponseHeaders("ETag"),
	)
	defer svc.Close()
	show(call(svc, "GET", "/v1/orders/1", ""), "ETag")
	show(call(svc, "GET", "/v1/orders/1", "", "If-None-Match", `"v2", W/"v3"`), "ETag")
	show(call(svc, "GET", "/v1/orders/1", "", "If-None-Match", `"v2"`), "ETag")
	fmt.Println(call(svc, "GET", "/v1/orders/9", "", "If-None-Match", `*`).Code)
	show(call(svc, "GET", "/v1/orders/1:watch", "", "If-None-Match", `*`))
	// Output:
	// 200
	// ETag: "v3"
	// {"id":"1","item":"teapot","quantity":3}
	// 304
	// ETag: "v3"
	// 200
	// ETag: "v3"
	// {"id":"1","item":"teapot","quantity":3}
	// 404
	// 200
	// {"result":{"id":"1","item":"teapot","quantity":1}}
	// {"result":{"id":"1","item":"teapot","quantity":2}}
}
