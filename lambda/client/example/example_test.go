package example_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	examplev1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/example/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/client"
)

// dialSigned returns a channel to a function URL that requires IAM
// authorization. In a program, cfg comes from config.LoadDefaultConfig of the
// SDK.
func dialSigned(cfg aws.Config, url string) (*client.Conn, error) {
	return client.New(url, client.WithSigner(v4.NewSigner().SignHTTP, cfg.Credentials.Retrieve, "lambda", cfg.Region))
}

// dialFunction returns a channel to the function called name. The function needs
// no endpoint, and the caller needs permission to invoke it.
func dialFunction(cfg aws.Config, name string) (*client.Conn, error) {
	api := lambda.NewFromConfig(cfg)
	return client.New("https://"+name, client.WithRoundTripper(client.InvokeTransport(
		func(ctx context.Context, event []byte) ([]byte, error) {
			out, err := api.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: event})
			if err != nil {
				return nil, err
			}
			if out.FunctionError != nil {
				return nil, fmt.Errorf("%s: %s", *out.FunctionError, out.Payload)
			}
			return out.Payload, nil
		})))
}

// config is one for a stand-in of AWS at url.
func config(url string) aws.Config {
	return aws.Config{
		Region:       "eu-central-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKID", "SECRET", "TOKEN"),
		BaseEndpoint: &url,
	}
}

func Example_signed() {
	url := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope, _, _ := strings.Cut(r.Header.Get("Authorization"), "/")
		fmt.Println(scope, strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/lambda/aws4_request"), r.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("Content-Type", "application/proto")
	}))
	defer url.Close()
	conn, err := dialSigned(config(""), url.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_, err = examplev1.NewPingServiceClient(conn).Ping(context.Background(), &examplev1.PingRequest{})
	fmt.Println(err)
	// Output:
	// AWS4-HMAC-SHA256 Credential=AKID true TOKEN
	// <nil>
}

func Example_invoke() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		_, _ = fmt.Fprint(w, `{"statusCode":200,"headers":{"Content-Type":"application/proto"},"body":"CgRQb25n","isBase64Encoded":true}`)
	}))
	defer api.Close()
	conn, err := dialFunction(config(api.URL), "orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	response, err := examplev1.NewPingServiceClient(conn).Ping(context.Background(), &examplev1.PingRequest{})
	fmt.Println(response.GetMessage(), err)
	// Output:
	// POST /2015-03-31/functions/orders/invocations
	// Pong <nil>
}

// A function that fails is an error of the call.
func TestDialFunction_FunctionError(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = fmt.Fprint(w, `{"errorType":"Runtime.ExitError"}`)
	}))
	defer api.Close()
	conn, err := dialFunction(config(api.URL), "orders")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = examplev1.NewPingServiceClient(conn).Ping(t.Context(), &examplev1.PingRequest{})
	if err == nil || !strings.Contains(err.Error(), "Unhandled") || !strings.Contains(err.Error(), "Runtime.ExitError") {
		t.Errorf("%v", err)
	}
}
