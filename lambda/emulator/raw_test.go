package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// rawFunction speaks the Runtime API without aws-lambda-go, to say what that
// never says. What it hears goes to standard output.
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
	say := func(method, path, body string, header ...string) http.Header {
		response := call(method, path, body, header...)
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		fmt.Println(response.StatusCode, string(answer))
		return response.Header
	}
	const invocation = "/2018-06-01/runtime/invocation/"
	const extension = "/2020-01-01/extension/"
	switch os.Getenv("RAW") {
	case "init-error":
		say("POST", "/2018-06-01/runtime/init/error", `{"errorType":"Bad.Config","errorMessage":"no table"}`)
		select {}
	case "overlapping":
		id := call("GET", invocation+"next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		answerTwiceAtOnce(base+invocation+id+"/response", func() { say("POST", invocation+id+"/response", "1") })
		call("GET", invocation+"next", "")
	case "answers":
		id := call("GET", invocation+"next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		say("GET", invocation+"next", "")
		say("POST", invocation+"nonsense/response", "1")
		say("POST", invocation+"nonsense/error", "{}")
		say("POST", invocation+id+"/response", "2")
		say("POST", invocation+id+"/response", "3")
		call("GET", invocation+"next", "")
	case "lazy-extension":
		say("POST", extension+"register", `{}`, "Lambda-Extension-Name", "a")
		call("GET", invocation+"next", "")
	case "extensions":
		say("POST", extension+"register", `{"events":["SHUTDOWN"]}`, "Lambda-Extension-Name", "a")
		say("POST", extension+"register", `{"events":["NONSENSE"]}`, "Lambda-Extension-Name", "a")
		say("POST", extension+"register", `{"events":[]}`)
		say("POST", extension+"register", `nonsense`, "Lambda-Extension-Name", "a")
		id := say("POST", extension+"register", `{"events":["INVOKE"]}`, "Lambda-Extension-Name", "a").
			Get("Lambda-Extension-Identifier")
		say("POST", extension+"register", `{}`, "Lambda-Extension-Name", "a")
		say("GET", extension+"event/next", "")
		say("GET", extension+"event/next", "", "Lambda-Extension-Identifier", "nonsense")
		event := make(chan struct{})
		go func() {
			say("GET", extension+"event/next", "", "Lambda-Extension-Identifier", id)
			close(event)
			say("GET", extension+"event/next", "", "Lambda-Extension-Identifier", id)
		}()
		request := call("GET", invocation+"next", "").Header.Get("Lambda-Runtime-Aws-Request-Id")
		<-event
		say("POST", extension+"register", `{}`, "Lambda-Extension-Name", "b")
		say("POST", invocation+request+"/response", "4")
		call("GET", invocation+"next", "")
	}
}

// answerTwiceAtOnce posts an answer to url and, once the emulator has begun to
// read it, calls other before it goes on. The emulator asks for the body when
// it reads it, since the request expects that.
func answerTwiceAtOnce(url string, other func()) {
	body, rest := io.Pipe()
	go func() {
		_, _ = rest.Write([]byte("2")) // returns when the client has been asked for it
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
