// Command lambda is the Lambda function of the example services. Its file in the
// deployment package is called bootstrap. With -help it lists the environment
// variables that it reads.
package main

import (
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/example"
)

func main() { function.Main(example.Services()...) }
