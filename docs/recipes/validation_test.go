package recipes_test

import (
	"fmt"

	"buf.build/go/protovalidate"
	validate "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/protovalidate"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// validated checks requests by the rules in their .proto files.
func validated() ([]service.Option, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, err
	}
	return []service.Option{
		service.WithUnaryInterceptors(validate.UnaryServerInterceptor(validator)),
		service.WithStreamInterceptors(validate.StreamServerInterceptor(validator)),
	}, nil
}

func Example_validation() {
	options, err := validated()
	if err != nil {
		fmt.Println(err)
		return
	}
	svc := open(append(options, bindOrders(orders{}))...)
	defer svc.Close()
	show(call(svc, "POST", "/v1/orders", `{"item":"teapot","quantity":3}`))
	w := call(svc, "POST", "/v1/orders", `{"item":"teapot","quantity":300}`)
	fmt.Println(w.Code, violations(w))
	// Output:
	// 200
	// {"id":"2","item":"teapot","quantity":3}
	// 400 [quantity: int32.gte_lte]
}
