// Command function is the function of the library's own tests.
package main

import (
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
)

func main() { function.Main(testservice.Options()...) }
