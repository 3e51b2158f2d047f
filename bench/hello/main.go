// Command hello is the smallest function that answers an HTTP event: the floor
// that Bootstrap compares the real one to. It does not even read the event.
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
