package recipes_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// statusOf has the gateway answer with the status that a handler sets as the
// header metadata "http-status".
func statusOf(ctx context.Context, w http.ResponseWriter, _ proto.Message) error {
	md, _ := runtime.ServerMetadataFromContext(ctx)
	if values := md.HeaderMD.Get("http-status"); len(values) > 0 {
		code, err := strconv.Atoi(values[0])
		if err != nil || code < 200 || code > 599 {
			return fmt.Errorf("http-status: want a number from 200 to 599, not %q", values[0])
		}
		w.WriteHeader(code)
	}
	return nil
}

type createdOrders struct{ orders }

func (o createdOrders) CreateOrder(ctx context.Context, r *shopv1.CreateOrderRequest) (*shopv1.Order, error) {
	order, err := o.orders.CreateOrder(ctx, r)
	if err != nil {
		return nil, err
	}
	cookie := http.Cookie{Name: "last", Value: order.GetId(), Path: "/", Secure: true, HttpOnly: true}
	return order, grpc.SetHeader(ctx, metadata.Pairs(
		"http-status", "201",
		"location", "/v1/orders/"+order.GetId(),
		"set-cookie", cookie.String(),
	))
}

// GetOrder redirects from an old id to the new one.
func (o createdOrders) GetOrder(ctx context.Context, r *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	if r.GetId() != "old" {
		return o.orders.GetOrder(ctx, r)
	}
	return &shopv1.Order{}, grpc.SetHeader(ctx, metadata.Pairs("http-status", "308", "location", "/v1/orders/1"))
}

func Example_status() {
	svc := open(bindOrders(createdOrders{}),
		service.WithMuxOptions(runtime.WithForwardResponseOption(statusOf)),
		service.WithResponseHeaders("Location", "Set-Cookie"),
	)
	defer svc.Close()
	show(call(svc, "POST", "/v1/orders", `{"item":"teapot"}`), "Location", "Set-Cookie", "Http-Status")
	show(call(svc, "GET", "/v1/orders/old", ""), "Location")
	// Output:
	// 201
	// Location: /v1/orders/2
	// Set-Cookie: last=2; Path=/; HttpOnly; Secure
	// {"id":"2","item":"teapot","quantity":0}
	// 308
	// Location: /v1/orders/1
	// {"id":"","item":"","quantity":0}
}
