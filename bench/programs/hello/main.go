// Command hello is the smallest function that handles an HTTP event: aws-lambda-go
// with a constant response. It does not read the event.
package main

import "github.com/aws/aws-lambda-go/lambda"

type response struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

func main() {
	lambda.Start(func() (response, error) {
		return response{StatusCode: 200, Body: `{"message":"Pong"}`}, nil
	})
}
