package server_test

import (
	"context"
	"fmt"
	"os"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	localserver "github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/ping"
)

// A mistake in the configuration is an error that says what is allowed. Without
// one, Run would go on to serve until its context ends.
func ExampleRun() {
	environment := map[string]string{"RESPONSE_MODE": "stream"}
	err := localserver.Run(context.Background(), []string{"-http-address", "localhost"},
		func(name string) string { return environment[name] }, os.Stderr,
		service.Bind[examplev1.PingServiceServer](
			examplev1.RegisterPingServiceServer,
			examplev1.NewPingServiceClient,
			examplev1.RegisterPingServiceHandlerClient,
			ping.Service{},
		),
	)
	fmt.Println(err)
	// Output:
	// RESPONSE_MODE="stream": it has no effect without -lambda: want both or neither
	// -http-address="localhost": want host:port, such as localhost:8080 or :8080, or off
}
