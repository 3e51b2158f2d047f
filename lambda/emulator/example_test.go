package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// A function binary, run with its first event and stopped again. The binary
// here is the one of these tests, which FUNCTION turns into a function.
func ExampleStart() {
	path, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		return
	}
	function, err := emulator.Start(context.Background(), emulator.Config{
		Path: path,
		Env:  []string{"FUNCTION=commands"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer function.Close()

	response, err := function.Invoke(context.Background(), []byte(`{"do":"echo","text":"hello"}`))
	fmt.Println(string(response.Payload), err)
	_, err = function.Invoke(context.Background(), []byte(`{"do":"fail","text":"no luck"}`))
	fmt.Println(err)
	function.Kill() // a crash; the next event starts it again
	response, err = function.Invoke(context.Background(), []byte(`{"do":"echo","text":"again"}`))
	fmt.Println(string(response.Payload), err)
	// Output:
	// "hello" <nil>
	// emulator: function failed: errorString: no luck
	// "again" <nil>
}

// HTTP through an event source: the function sees the source's event, the
// client plain HTTP.
func ExampleFrontDoor() {
	path, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		return
	}
	function, err := emulator.Start(context.Background(), emulator.Config{Path: path, Env: []string{"FUNCTION=http"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer function.Close()
	source, err := emulator.ParseSource("http-api")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := emulator.FrontDoor(function, source)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	response, err := http.Get(server.URL + "/v1/ping?text=hello")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(body), err)
	// Output: 200 OK text=hello <nil>
}

func ExampleParseSource() {
	_, err := emulator.ParseSource("sqs")
	fmt.Println(err)
	// Output: emulator: unknown source "sqs", want one of rest-api, http-api, http-api-v1, alb, alb-multi, function-url
}
