package conformance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// request is an HTTP request. Its String method returns the bytes that a client sends.
type request struct {
	method string // GET if empty
	target string // path and query, / if empty
	header []string
	body   string
	noHost bool // HTTP/1.0 without a Host
}

func get(target string, header ...string) request { return request{target: target, header: header} }

// ask returns a request for one of the responses of package probe.
func ask(name string) request { return request{header: []string{"X-Probe: " + name}} }

func (r request) String() string {
	var text strings.Builder
	if r.method == "" {
		r.method = http.MethodGet
	}
	if r.target == "" {
		r.target = "/"
	}
	if r.noHost {
		fmt.Fprintf(&text, "%s %s HTTP/1.0\r\n", r.method, r.target)
	} else {
		fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: api.example.com\r\n", r.method, r.target)
	}
	for _, line := range r.header {
		fmt.Fprintf(&text, "%s\r\n", line)
	}
	if r.body != "" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(r.body))
	}
	return text.String() + "\r\n" + r.body
}

// reply is a response as a client sees it. It is broken if it is not complete.
type reply struct {
	status int
	header http.Header
	body   string // the first maxBody bytes
	size   int64  // of the whole body
	broken bool
}

const maxBody = 32 << 20

// clientTimeout bounds a request.
const clientTimeout = 40 * time.Second

// send sends r to the server at address and returns the reply.
func send(address string, r request) reply {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return reply{broken: true}
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(clientTimeout))
	go func() { _, _ = io.WriteString(conn, r.String()) }() // a server may respond before it has read all
	return receive(bufio.NewReader(conn), r.method)
}

func receive(in *bufio.Reader, method string) reply {
	for {
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return reply{broken: true}
		}
		if response.StatusCode < 200 {
			continue // no event can carry it
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
		rest, errRest := io.Copy(io.Discard, response.Body)
		return reply{response.StatusCode, response.Header, string(body), int64(len(body)) + rest, err != nil || errRest != nil}
	}
}
