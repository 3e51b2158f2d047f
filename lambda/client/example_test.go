package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func newService() (*service.Service, error) {
	return service.New(context.Background(), transport.InProcess(),
		service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
			testv1.RegisterEchoServiceHandlerClient, testservice.EchoService{}),
		service.WithRPC(),
		service.WithLogger(slog.New(slog.DiscardHandler)))
}

func ExampleNew() {
	svc, err := newService()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	function := httptest.NewServer(svc) // stands for the deployed function
	defer function.Close()

	conn, err := client.New(function.URL) // such as https://abc.lambda-url.eu-central-1.on.aws
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	response, err := testv1.NewEchoServiceClient(conn).Echo(context.Background(), &testv1.EchoRequest{Text: "hello"})
	fmt.Println(response.GetText(), err)
	// Output: hello <nil>
}

// A function that is called through the Invoke API needs no HTTP endpoint.
func ExampleInvokeTransport() {
	svc, err := newService()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	function := event.NewHandler(svc) // stands for the deployed function
	invoke := func(ctx context.Context, payload []byte) ([]byte, error) {
		return function.Invoke(ctx, payload) // or Invoke of the AWS SDK
	}

	conn, err := client.New("https://echo", client.WithRoundTripper(client.InvokeTransport(invoke)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	response, err := testv1.NewEchoServiceClient(conn).Echo(context.Background(), &testv1.EchoRequest{Text: "hello"})
	fmt.Println(response.GetText(), err)
	// Output: hello <nil>
}
