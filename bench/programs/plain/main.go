// Command plain serves an http.Handler without gRPC, behind
// aws-lambda-go-api-proxy's httpadapter.
package main

import (
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"message":"Pong"}`) // into memory
	})
	lambda.Start(httpadapter.NewV2(mux).ProxyWithContext)
}
