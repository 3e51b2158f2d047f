package recipes_test

import (
	"context"

	"google.golang.org/genproto/googleapis/type/money"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// services is all that is served, for function.Main and server.Main.
func services() []service.Option {
	return []service.Option{
		service.Bind[shopv1.OrderServiceServer](shopv1.RegisterOrderServiceServer, shopv1.NewOrderServiceClient,
			shopv1.RegisterOrderServiceHandlerClient, orders{}),
		service.Bind[shopv1.CustomerServiceServer](shopv1.RegisterCustomerServiceServer, shopv1.NewCustomerServiceClient,
			shopv1.RegisterCustomerServiceHandlerClient, customers{}),
		service.Bind[shopv1.PaymentServiceServer](shopv1.RegisterPaymentServiceServer, shopv1.NewPaymentServiceClient,
			shopv1.RegisterPaymentServiceHandlerClient, payments{}),
	}
}

type customers struct {
	shopv1.UnimplementedCustomerServiceServer
}

func (customers) GetCustomer(_ context.Context, r *shopv1.GetCustomerRequest) (*shopv1.Customer, error) {
	return &shopv1.Customer{Id: r.GetId(), Name: "Alice"}, nil
}

type payments struct {
	shopv1.UnimplementedPaymentServiceServer
}

func (payments) GetPayment(_ context.Context, r *shopv1.GetPaymentRequest) (*shopv1.Payment, error) {
	return &shopv1.Payment{Id: r.GetId(), Total: &money.Money{CurrencyCode: "EUR", Units: 42}}, nil
}

func Example_severalServices() {
	svc := open(services()...)
	defer svc.Close()
	show(call(svc, "GET", "/v1/orders/1", ""))
	show(call(svc, "GET", "/v1/customers/7", ""))
	show(call(svc, "GET", "/v1/payments/9", ""))
	// Output:
	// 200
	// {"id":"1","item":"teapot","quantity":3}
	// 200
	// {"id":"7","name":"Alice"}
	// 200
	// {"id":"9","total":{"currencyCode":"EUR","units":"42","nanos":0}}
}
