package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A program that uses neither function.Main nor server.Main reads the
// variables itself.
func ExampleVariables() {
	table := "unset"
	options := []service.Option{
		service.WithVariables(service.Variable{
			Name: "ORDERS_TABLE", Default: "orders", Meaning: "the table that holds the orders",
			Set: func(value string) error {
				table = value
				return nil
			},
		}),
	}
	for _, v := range service.Variables(options...) {
		fmt.Println(v.Name, v.Default, "-", v.Meaning)
		if err := v.Set("orders-test"); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(table)
	// Output:
	// ORDERS_TABLE orders - the table that holds the orders
	// orders-test
}

func TestNew_RefusesUnreadVariables(t *testing.T) {
	option := service.WithVariables(service.Variable{Name: "ORDERS_TABLE", Set: func(string) error { return nil }})
	if _, err := service.New(t.Context(), transport.InProcess(), option); err == nil || !strings.Contains(err.Error(), "ORDERS_TABLE") {
		t.Errorf("New: %v, want an error that names the variable", err)
	}
	service.Variables(option)
	s, err := service.New(t.Context(), transport.InProcess(), option)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
