package frontdoor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	lambdaevent "github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// This example sends an HTTP request through an event source. The function
// receives the source's event, and the client gets an HTTP response. A binary
// started by [emulator.Start] can replace emulator.InProcess.
func ExampleNew() {
	function := emulator.InProcess(lambdaevent.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := lambdaevent.FromContext(r.Context())
		fmt.Fprintf(w, "%s through %s of account %s", r.URL, info.Source, info.AccountID)
	})))
	source, err := frontdoor.ParseSource("http-api")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := frontdoor.New(function, source, frontdoor.WithAccountID("111122223333"))
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping?text=hello", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 /v1/ping?text=hello through http-api of account 111122223333
}

// A source refuses the options of others.
func ExampleWithTimeout() {
	function := emulator.InProcess(lambdaevent.NewHandler(http.NotFoundHandler()))
	for _, source := range []frontdoor.Source{frontdoor.RESTAPI, frontdoor.ALB} {
		_, err := frontdoor.New(function, source, frontdoor.WithTimeout(10*time.Second), frontdoor.WithRegion("eu-central-1"))
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// frontdoor: source alb: only APIs that do not stream have a timeout
}

func ExampleParseSource() {
	_, err := frontdoor.ParseSource("sqs")
	fmt.Println(err)
	// Output: frontdoor: unknown source "sqs", want one of rest-api, http-api, http-api-v1, alb, alb-multi, function-url, vpc-lattice, vpc-lattice-v1
}
