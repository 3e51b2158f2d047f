package emulator_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// served puts a front door before f on loopback. Its client makes a new
// connection for each request, so that a broken one is seen.
func served(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	server := httptest.NewServer(h)
	client := server.Client()
	client.Transport.(*http.Transport).DisableKeepAlives = true
	t.Cleanup(server.Close)
	return client, server.URL
}

func TestStreamedAnswersReachTheClientPieceByPiece(t *testing.T) {
	for _, source := range []emulator.Source{emulator.FunctionURL, emulator.RESTAPI} {
		t.Run(string(source), func(t *testing.T) {
			f := start(t, config(t, "http"))
			client, base := served(t, frontDoor(t, f, source, emulator.WithStreaming()))
			response, err := client.Get(base + "/?pieces=3")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != 201 || response.Header.Get("Content-Type") != "text/plain" {
				t.Errorf("status %d, header %v", response.StatusCode, response.Header)
			}
			lines := bufio.NewReader(response.Body)
			for n := 1; n <= 3; n++ {
				line, err := lines.ReadString('\n')
				if err != nil || line != "piece "+strconv.Itoa(n)+"\n" {
					t.Fatalf("piece %d: %q, %v", n, line, err)
				}
				open(t, f, n)
			}
			if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
				t.Errorf("rest %q, %v", rest, err)
			}
		})
	}
}

func TestStreamedAnswerThatBreaksOffIsAnErrorOfTheClient(t *testing.T) {
	for _, ending := range []string{"fail", "exit"} {
		t.Run(ending, func(t *testing.T) {
			f := start(t, config(t, "http"))
			client, base := served(t, frontDoor(t, f, emulator.FunctionURL, emulator.WithStreaming()))
			response, err := client.Get(base + "/?pieces=1&ending=" + ending)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if string(body) != "piece 1\n" || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("body %q, %v, want an unexpected EOF after the first piece", body, err)
			}
		})
	}
}

func TestStreamingDoorsAndAnswersThatDoNotStream(t *testing.T) {
	for name, test := range map[string]struct {
		source emulator.Source
		stream emulator.Stream
		status int
		body   string
	}{
		"a function URL passes an answer without prelude on": {
			emulator.FunctionURL, emulator.Stream{ContentType: "application/json"}, 200, "rest",
		},
		"a REST API does not": {
			emulator.RESTAPI, emulator.Stream{ContentType: "application/json"}, 502, `{"message": "Internal server error"}`,
		},
		"a prelude that never ends": {
			emulator.FunctionURL, emulator.Stream{ContentType: emulator.StreamContentType}, 502, `Internal Server Error`,
		},
		"a prelude that is not JSON": {
			emulator.FunctionURL, emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte("{")}, 502, `Internal Server Error`,
		},
		"a prelude without a status": {
			emulator.RESTAPI, emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte("{}")}, 200, "rest",
		},
		"a prelude with an impossible status": {
			emulator.RESTAPI, emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte(`{"statusCode":7}`)},
			502, `{"message": "Internal server error"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.stream.Body = io.NopCloser(strings.NewReader("rest"))
			response := serve(t, frontDoor(t, &fake{stream: &test.stream}, test.source, emulator.WithStreaming()), get("/"))
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != test.status || string(body) != test.body {
				t.Errorf("%d %q, %v; want %d %q", response.StatusCode, body, err, test.status, test.body)
			}
		})
	}
}

func TestStreamedAnswerWhoseClientLeaves(t *testing.T) {
	f := start(t, config(t, "http"))
	client, base := served(t, frontDoor(t, f, emulator.FunctionURL, emulator.WithStreaming()))
	response, err := client.Get(base + "/?pieces=2")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, f, 1) // the function goes on
	response, err = client.Get(base + "/?pieces=1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "piece 1\n" {
		t.Errorf("next answer %q, %v", body, err)
	}
	if n := len(f.Processes()); n != 1 {
		t.Errorf("%d processes, want 1", n)
	}
}

func TestEverySourceThroughARealFunction(t *testing.T) {
	f := start(t, config(t, "http"))
	for _, source := range emulator.Sources() {
		client, base := served(t, frontDoor(t, f, source))
		response, err := client.Get(base + "/?text=" + url.QueryEscape("pöng"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), "p%C3%B6ng") {
			t.Errorf("%s: %d %q, %v", source, response.StatusCode, body, err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
