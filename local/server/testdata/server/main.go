// Command server is the local server of the library's own tests.
package main

import (
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server"
)

func main() { server.Main(testservice.Options()...) }
