// Command lambda is the Lambda function.
package main

import (
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"

	"github.com/lambda-grpc/lambda-grpc-gateway/template/orders"
)

func main() { function.Main(orders.Options()...) }
