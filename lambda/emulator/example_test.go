package emulator_test

import (
	"context"
	"fmt"
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
