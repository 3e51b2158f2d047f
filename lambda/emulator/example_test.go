package emulator_test

import (
	"context"
	"fmt"
	"os"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// This example starts a function binary, invokes it and closes it. The binary is
// this test binary, which runs as a function if FUNCTION is set.
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
	function.Kill() // the next event starts it again
	response, err = function.Invoke(context.Background(), []byte(`{"do":"echo","text":"again"}`))
	fmt.Println(string(response.Payload), err)
	// Output:
	// "hello" <nil>
	// emulator: function failed: errorString: no luck
	// "again" <nil>
}
