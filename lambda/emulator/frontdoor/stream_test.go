package frontdoor_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	lambdaevent "github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// served serves a front door on loopback. Its client makes a new connection for
// each request, so that it does not retry an aborted one.
func served(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	server := httptest.NewServer(h)
	client := server.Client()
	client.Transport.(*http.Transport).DisableKeepAlives = true
	t.Cleanup(server.Close)
	return client, server.URL
}

// pieces streams as many pieces as the query asks for, each when next says so,
// and then ends as the query says.
func pieces(next <-chan struct{}) emulator.Invoker {
	return emulator.InProcess(lambdaevent.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusCreated)
		n, _ := strconv.Atoi(r.FormValue("pieces"))
		for i := range n {
			fmt.Fprintf(w, "piece %d\n", i+1)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
		if r.FormValue("ending") == "panic" {
			panic("torn")
		}
	})))
}

func TestStreaming_FlushesEachPiece(t *testing.T) {
	for _, source := range []frontdoor.Source{frontdoor.FunctionURL, frontdoor.RESTAPI} {
		t.Run(string(source), func(t *testing.T) {
			next := make(chan struct{})
			client, base := served(t, frontDoor(t, pieces(next), source, frontdoor.WithStreaming()))
			response, err := client.Get(base + "/?pieces=3")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusCreated || response.Header.Get("Content-Type") != "text/plain" {
				t.Errorf("status %d, header %v", response.StatusCode, response.Header)
			}
			lines := bufio.NewReader(response.Body)
			for n := 1; n <= 3; n++ {
				line, err := lines.ReadString('\n')
				if err != nil || line != "piece "+strconv.Itoa(n)+"\n" {
					t.Fatalf("piece %d: %q, %v", n, line, err)
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
				t.Errorf("rest %q, %v", rest, err)
			}
		})
	}
}

func TestStreaming_FailureAbortsTheConnection(t *testing.T) {
	next := make(chan struct{})
	close(next)
	client, base := served(t, frontDoor(t, pieces(next), frontdoor.FunctionURL, frontdoor.WithStreaming()))
	response, err := client.Get(base + "/?pieces=1&ending=panic")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if string(body) != "piece 1\n" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body %q, %v, want an unexpected EOF after the first piece", body, err)
	}
}

func TestStreaming_Preludes(t *testing.T) {
	for name, test := range map[string]struct {
		source frontdoor.Source
		stream emulator.Stream
		status int
		body   string
	}{
		"a function URL passes a response without a prelude": {
			frontdoor.FunctionURL, emulator.Stream{ContentType: "application/json"}, 200, "rest",
		},
		"a REST API does not pass a response without a prelude": {
			frontdoor.RESTAPI, emulator.Stream{ContentType: "application/json"}, 502, `{"message": "Internal server error"}`,
		},
		"a prelude that never ends": {
			frontdoor.FunctionURL, emulator.Stream{ContentType: emulator.StreamContentType}, 502, `Internal Server Error`,
		},
		"a prelude that is not JSON": {
			frontdoor.FunctionURL, emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte("{")}, 502, `Internal Server Error`,
		},
		"a prelude without a status": {
			frontdoor.RESTAPI, emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte("{}")}, 200, "rest",
		},
		"a prelude with an impossible status": {
			frontdoor.RESTAPI, emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte(`{"statusCode":7}`)},
			502, `{"message": "Internal server error"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.stream.Body = io.NopCloser(strings.NewReader("rest"))
			response := serve(t, frontDoor(t, &fake{stream: &test.stream}, test.source, frontdoor.WithStreaming()), get("/"))
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != test.status || string(body) != test.body {
				t.Errorf("%d %q, %v; want %d %q", response.StatusCode, body, err, test.status, test.body)
			}
		})
	}
}

func TestStreaming_ClientDisconnects(t *testing.T) {
	body, writer := io.Pipe()
	stream := &emulator.Stream{ContentType: emulator.StreamContentType, Prelude: []byte("{}"), Body: body}
	client, base := served(t, frontDoor(t, &fake{stream: stream}, frontdoor.FunctionURL, frontdoor.WithStreaming()))
	response, err := client.Get(base)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	for { // until the front door closes the stream
		if _, err := writer.Write([]byte("more")); err != nil {
			break
		}
	}
}
