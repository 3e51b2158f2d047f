package server_test

import (
	"context"
	"fmt"
	"os"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	localserver "github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// This example shows the errors for invalid settings. With valid settings, Run
// serves until its context ends.
func ExampleRun() {
	environment := map[string]string{"RESPONSE_MODE": "stream"}
	err := localserver.Run(context.Background(), []string{"-http-address", "localhost"},
		func(name string) string { return environment[name] }, os.Stderr,
		service.Bind[testv1.PingServiceServer](
			testv1.RegisterPingServiceServer,
			testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient,
			testservice.PingService{},
		),
	)
	fmt.Println(err)
	// Output:
	// RESPONSE_MODE="stream": it has no effect without -lambda: want both or neither
	// -http-address="localhost": want host:port, such as localhost:8080 or :8080, or off
}
