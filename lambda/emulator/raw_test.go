package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// rawFunction calls the Runtime API without aws-lambda-go, to make calls that
// aws-lambda-go never makes. It prints each status and response body.
func rawFunction() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	call := func(method, path, body string, header ...string) *http.Response {
		request, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		return response
	}
	printCall := func(method, path, body string, header ...string) http.Header {
		response := call(method, path, body, header...)
		data, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		fmt.Println(response.StatusCode, string(data))
		return response.Header
	}
	const invocation = "/2018-06-01/runtime/invocation/"
	const extension = "/2020-01-01/extension/"
	switch os.Getenv("RAW") {
	case "init-error":
		printCall("POST", "/2018-06-01/runtime/init/error", `{"errorType":"Bad.Config","errorMessage":"no table"}`)
		select {}
	case "overlapping":
		id := call("GET", invocation+"next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		respondTwiceAtOnce(base+invocation+id+"/response", func() { printCall("POST", invocation+id+"/response", "1") })
		call("GET", invocation+"next", "")
	case "refusals":
		id := call("GET", invocation+"next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		printCall("GET", invocation+"next", "")
		printCall("POST", invocation+"nonsense/response", "1")
		printCall("POST", invocation+"nonsense/error", "{}")
		printCall("POST", invocation+id+"/response", "2")
		printCall("POST", invocation+id+"/response", "3")
		call("GET", invocation+"next", "")
	case "lazy-extension":
		printCall("POST", extension+"register", `{}`, "Lambda-Extension-Name", "a")
		call("GET", invocation+"next", "")
	case "extensions":
		printCall("POST", extension+"register", `{"events":["SHUTDOWN"]}`, "Lambda-Extension-Name", "a")
		printCall("POST", extension+"register", `{"events":["NONSENSE"]}`, "Lambda-Extension-Name", "a")
		printCall("POST", extension+"register", `{"events":[]}`)
		printCall("POST", extension+"register", `nonsense`, "Lambda-Extension-Name", "a")
		id := printCall("POST", extension+"register", `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "a").
			Get("Lambda-Extension-Identifier")
		printCall("POST", extension+"register", `{}`, "Lambda-Extension-Name", "a")
		printCall("GET", extension+"event/next", "")
		printCall("GET", extension+"event/next", "", "Lambda-Extension-Identifier", "nonsense")
		event := make(chan struct{})
		go func() {
			printCall("GET", extension+"event/next", "", "Lambda-Extension-Identifier", id)
			close(event)
			printCall("GET", extension+"event/next", "", "Lambda-Extension-Identifier", id)
		}()
		request := call("GET", invocation+"next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		<-event
		printCall("POST", extension+"register", `{}`, "Lambda-Extension-Name", "b")
		printCall("POST", invocation+request+"/response", "4")
		call("GET", invocation+"next", "")
	}
}

// respondTwiceAtOnce posts a response to url. Once the emulator has begun to read
// the response, it calls other and then sends the rest. The emulator asks for
// the body with 100 Continue when it begins to read.
func respondTwiceAtOnce(url string, other func()) {
	body, rest := io.Pipe()
	go func() {
		_, _ = rest.Write([]byte("2")) // returns when the emulator has asked for the body
		other()
		_ = rest.Close()
	}()
	request, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Expect", "100-continue")
	response, err := (&http.Transport{ExpectContinueTimeout: time.Hour}).RoundTrip(request)
	if err != nil {
		panic(err)
	}
	fmt.Println(response.StatusCode)
}
