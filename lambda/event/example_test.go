package event_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// An event of an HTTP API, cut down to what this example needs.
const ping = `{
	"version": "2.0",
	"rawPath": "/api/v1/ping",
	"rawQueryString": "",
	"headers": {"host": "api.example.com"},
	"requestContext": {
		"requestId": "JKJaXmPLvHcESHA=",
		"authorizer": {"jwt": {"claims": {"sub": "alice", "role": "admin"}, "scopes": ["ping"]}},
		"http": {"method": "GET", "sourceIp": "203.0.113.7"}
	}
}`

func pong(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"path":%q}`, r.URL.Path)
}

func ExampleNewHandler() {
	handler := event.NewHandler(http.HandlerFunc(pong), event.WithBasePath("/api"))

	answer, err := handler.Invoke(context.Background(), []byte(ping))
	fmt.Printf("%s %v\n", answer, err)
	// Output:
	// {"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{\"path\":\"/v1/ping\"}","isBase64Encoded":false} <nil>
}

// The main function passes the handler to a client of the Runtime API, such as
// runtimeapi.Serve or aws-lambda-go's lambda.Start.
func ExampleHandler_Invoke() {
	main := func() {
		lambda.Start(event.NewHandler(http.HandlerFunc(pong)))
	}
	_ = main

	handler := event.NewHandler(http.HandlerFunc(pong))
	_, err := handler.Invoke(context.Background(), []byte(`{"Records":[]}`))
	fmt.Println(err)
	// Output:
	// event: not an HTTP event of API Gateway, a load balancer, VPC Lattice or a Function URL: its keys are ["Records"]
}

// The main function of a Lambda function with response streaming passes Stream.
func ExampleHandler_Stream() {
	handler := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2 {
			_, _ = fmt.Fprintln(w, "message", i)
			w.(http.Flusher).Flush() // and the client has it
		}
	}))
	main := func() {
		lambda.Start(handler.Stream)
	}
	_ = main

	answer, err := handler.Stream(context.Background(), []byte(`{
		"rawPath": "/",
		"requestContext": {"domainName": "abc.lambda-url.eu-west-1.on.aws", "http": {"method": "GET"}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.(io.Closer).Close() }()
	all, err := io.ReadAll(answer)
	fmt.Printf("%q %v\n", all, err)
	// Output:
	// "{\"statusCode\":200,\"headers\":{\"Content-Type\":\"text/plain; charset=utf-8\"}}\x00\x00\x00\x00\x00\x00\x00\x00message 0\nmessage 1\n" <nil>
}

// A handler allows only administrators, by the claims of a JWT authorizer in front
// of the function.
func ExampleFromContext() {
	handler := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, ok := event.FromContext(r.Context())
		if !ok || info.Authorizer.Type != event.JWTAuthorizer || info.Authorizer.Claims["role"] != "admin" {
			http.Error(w, "administrators only", http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprintf(w, "hello %s at %s", info.Authorizer.Principal, info.ClientAddress)
	}))

	answer, err := handler.Invoke(context.Background(), []byte(ping))
	fmt.Printf("%s %v\n", answer, err)
	// Output:
	// {"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8"},"body":"hello alice at 203.0.113.7","isBase64Encoded":false} <nil>
}

func ExampleNewContext() {
	ctx := event.NewContext(context.Background(), event.Info{Source: event.RESTAPI, Stage: "prod"})

	info, ok := event.FromContext(ctx)
	fmt.Println(info.Source, info.Stage, ok)
	// Output:
	// rest-api prod true
}

func ExampleWithErrorWriter() {
	handler := event.NewHandler(http.HandlerFunc(pong), event.WithErrorWriter(
		func(w http.ResponseWriter, e *event.Error) { http.Error(w, e.Message, e.Status) },
	))

	answer, err := handler.Invoke(context.Background(), []byte(`{
		"requestContext": {"http": {"method": "POST"}}, "rawPath": "/", "body": "*", "isBase64Encoded": true
	}`))
	fmt.Printf("%s %v\n", answer, err)
	// Output:
	// {"statusCode":400,"headers":{"Content-Type":"text/plain; charset=utf-8","X-Content-Type-Options":"nosniff"},"body":"the body is not valid base64\n","isBase64Encoded":false} <nil>
}

// A body over the limit is refused before the handler, and before it is decoded.
func ExampleWithMaxBodyBytes() {
	handler := event.NewHandler(http.HandlerFunc(pong), event.WithMaxBodyBytes(4))

	answer, err := handler.Invoke(context.Background(), []byte(`{
		"version": "2.0", "rawPath": "/", "body": "hello", "requestContext": {"http": {"method": "POST"}}
	}`))
	fmt.Printf("%s %v\n", answer, err)
	// Output:
	// {"statusCode":413,"headers":{"Content-Type":"application/json"},"body":"{\"code\":8,\"message\":\"the body is larger than 4 bytes\",\"details\":[]}","isBase64Encoded":false} <nil>
}
