package runtimeapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// raw is a Runtime API that can send bytes that no HTTP server sends. Each
// function serves one connection; the last one serves all later connections.
type raw struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu    sync.Mutex
	calls []string
}

func newRaw(t testing.TB, serve ...func(c *rawConn)) *raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &raw{listener: l}
	a.tasks.Go(func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			a.tasks.Go(func() {
				defer c.Close()
				serve[min(i, len(serve)-1)](&rawConn{Conn: c, r: bufio.NewReader(c), api: a})
			})
		}
	})
	return a
}

func (a *raw) close() {
	_ = a.listener.Close()
	a.tasks.Wait()
}

// expect serves handler until the API has seen exactly these calls. It then stops
// Serve, if that still runs, and returns its error.
func (a *raw) expect(t *testing.T, client *runtimeapi.Client, handler runtimeapi.Handler, calls []string, ends bool) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	result := make(chan error, 1)
	go func() { result <- client.Serve(ctx, handler) }()
	want := strings.Join(calls, "\n")
	for end := time.Now().Add(deadline); strings.Join(a.seen(), "\n") != want; time.Sleep(time.Millisecond) {
		if len(a.seen()) > len(calls) || time.Now().After(end) {
			t.Fatalf("calls %q, want %q", a.seen(), calls)
		}
	}
	if !ends {
		stop()
	}
	select {
	case err := <-result:
		return err
	case <-time.After(deadline):
		t.Fatal("Serve does not return")
	}
	panic("unreachable")
}

func (a *raw) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

type rawConn struct {
	net.Conn
	r   *bufio.Reader
	api *raw
}

// request reads a request. It reports false if the connection has ended.
func (c *rawConn) request() bool {
	r, err := http.ReadRequest(c.r)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	c.api.calls = append(c.api.calls, strings.TrimSpace(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]+" "+string(body)))
	return true
}

func (c *rawConn) say(s string) { _, _ = io.WriteString(c, s) }

const (
	rawHead  = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n"
	rawEvent = rawHead + "Content-Length: 1\r\n\r\nx"
	rawOK    = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
)

// sound serves one invocation and waits.
func sound(c *rawConn) {
	for _, answer := range []string{rawEvent, rawOK} {
		if !c.request() {
			return
		}
		c.say(answer)
	}
	wait(c)
}

// wait responds to next with an event, or to a post with success, and then leaves
// the next call open.
func wait(c *rawConn) {
	for c.request() {
		calls := c.api.seen()
		if !strings.HasPrefix(calls[len(calls)-1], "next") {
			c.say(rawOK)
		}
	}
}

// says responds to the calls of a connection and then closes it.
func says(answers ...string) func(*rawConn) {
	return func(c *rawConn) {
		for _, answer := range answers {
			if !c.request() {
				return
			}
			c.say(answer)
		}
	}
}

func buffered() runtimeapi.Handler { return handlerFunc(echo) }

func streamed() runtimeapi.Handler {
	return runtimeapi.StreamFunc(func(_ context.Context, p json.RawMessage) (io.Reader, error) {
		return &reader{r: strings.NewReader(string(p))}, nil
	})
}

func TestDeadConnections(t *testing.T) {
	t.Parallel()
	read := func(c *rawConn) { c.request() }
	for name, tt := range map[string]struct {
		handler runtimeapi.Handler
		conns   []func(*rawConn)
		calls   []string // that the API has seen in the end
		log     string   // in the log; empty: nothing is logged
		err     string   // of Serve; empty: it goes on
	}{
		"closed while next waits": {
			conns: []func(*rawConn){read, sound},
			calls: []string{"next", "next", "response x", "next"},
		},
		"closed three times while next waits": {
			conns: []func(*rawConn){read, read, read, sound},
			calls: []string{"next", "next", "next", "next", "response x", "next"},
		},
		"closed whenever next waits": {
			conns: []func(*rawConn){read},
			calls: []string{"next", "next", "next", "next"},
			err:   "4 times in a row",
		},
		"with headers that never end": {
			conns: []func(*rawConn){says(rawHead + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100))},
			calls: []string{"next", "next", "next", "next"},
			err:   "too large",
		},
		"with a header that never ends": {
			conns: []func(*rawConn){says(rawHead + "X: " + strings.Repeat("y", 100_000))},
			calls: []string{"next", "next", "next", "next"},
			err:   "too large",
		},
		"closed in the middle of an event": {
			conns: []func(*rawConn){says(rawHead + "Content-Length: 9\r\n\r\nx"), sound},
			calls: []string{"next", "next", "response x", "next"},
		},
		"closed in the middle of an event's headers": {
			conns: []func(*rawConn){says(rawHead), sound},
			calls: []string{"next", "next", "response x", "next"},
		},
		"closed when a response is to be posted": {
			conns: []func(*rawConn){says(rawEvent), wait},
			calls: []string{"next", "response x", "next"},
		},
		"closed when a response has been posted": {
			conns: []func(*rawConn){func(c *rawConn) { says(rawEvent)(c); c.request() }, wait},
			calls: []string{"next", "response x", "response x", "next"},
		},
		"closed twice when a response has been posted": {
			conns: []func(*rawConn){func(c *rawConn) { says(rawEvent)(c); c.request() }, read, wait},
			calls: []string{"next", "response x", "response x", "next"},
			log:   "posting a response failed",
		},
		"closed in the middle of the response to a post": {
			conns: []func(*rawConn){says(rawEvent, "HTTP/1.1 202 Acc"), wait},
			calls: []string{"next", "response x", "next"},
			log:   "unexpected EOF",
		},
		"closed for good when a response has been posted": {
			conns: []func(*rawConn){func(c *rawConn) { says(rawEvent)(c); c.request() }, read},
			calls: []string{"next", "response x", "response x", "next", "next", "next", "next"},
			log:   "posting a response failed",
			err:   "4 times in a row",
		},
		"closed after each response": {
			conns: []func(*rawConn){says(strings.Replace(rawEvent, "\r\n", "\r\nConnection: close\r\n", 1)), says(strings.Replace(rawOK, "\r\n", "\r\nConnection: close\r\n", 1)), wait},
			calls: []string{"next", "response x", "next"},
		},
		"with something that nobody asked for": {
			conns: []func(*rawConn){says(rawEvent, rawOK+rawEvent, ""), wait},
			calls: []string{"next", "response x", "next"},
		},
		"of HTTP 1.0": {
			conns: []func(*rawConn){says(strings.Replace(rawHead, "1.1", "1.0", 1) + "\r\nx"), wait},
			calls: []string{"next", "response x", "next"},
		},
		"with informational responses": {
			conns: []func(*rawConn){func(c *rawConn) {
				says("HTTP/1.1 100 Continue\r\n\r\n"+rawEvent, "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"+rawOK)(c)
				wait(c)
			}},
			calls: []string{"next", "response x", "next"},
		},
		"closed when a stream is to be posted": {
			handler: streamed(),
			conns:   []func(*rawConn){says(rawEvent), wait},
			calls:   []string{"next", "response x", "next"},
		},
		"closed when a stream has been posted": {
			handler: streamed(),
			conns:   []func(*rawConn){func(c *rawConn) { says(rawEvent)(c); c.request() }, wait},
			calls:   []string{"next", "response x", "response x", "next"},
		},
		"closed twice when a stream has been posted": {
			handler: streamed(),
			conns:   []func(*rawConn){func(c *rawConn) { says(rawEvent)(c); c.request() }, read, wait},
			calls:   []string{"next", "response x", "response x", "next"},
			log:     "posting a response failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newRaw(t, tt.conns...)
			defer a.close()
			l := &testlog.Buffer{}
			// On a busy machine, any connection lasts for a while.
			client, err := runtimeapi.NewNeverSteady(runtimeapi.Config{
				Address: a.listener.Addr().String(), WithoutExtension: true, Logger: logger(l),
			})
			if err != nil {
				t.Fatal(err)
			}
			handler := tt.handler
			if handler == nil {
				handler = buffered()
			}
			err = a.expect(t, client, handler, tt.calls, tt.err != "")
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Serve: %v, want %q in it", err, tt.err)
			}
			if got := l.String(); (got != "") != (tt.log != "") || !strings.Contains(got, tt.log) {
				t.Errorf("logged %q, want %q in it", got, tt.log)
			}
		})
	}
}

// TestLateReplies has an API that replies to a response only after the deadline of
// the post, as happens during a freeze.
func TestLateReplies(t *testing.T) {
	t.Parallel()
	const bound = 300 * time.Millisecond // within which a busy machine writes a few bytes
	hangs := func(c *rawConn) {
		for c.request() {
		}
	}
	closes := func(c *rawConn) { c.request(); time.Sleep(2 * bound) }
	replies := func(c *rawConn) { closes(c); c.say(rawOK); wait(c) }
	event := func(then func(*rawConn)) func(*rawConn) {
		return func(c *rawConn) { says(rawEvent)(c); then(c) }
	}
	for name, tt := range map[string]struct {
		late  time.Duration // how long the client waits for a late reply
		conns []func(*rawConn)
		calls []string
		log   string
	}{
		"a reply that comes late": {
			late:  deadline,
			conns: []func(*rawConn){event(replies), wait},
			calls: []string{"next", "response x", "next"},
		},
		"the end of the connection, late": {
			late:  deadline,
			conns: []func(*rawConn){event(closes), wait},
			calls: []string{"next", "response x", "response x", "next"},
		},
		"nothing, twice": {
			late:  time.Millisecond,
			conns: []func(*rawConn){event(hangs), hangs, wait},
			calls: []string{"next", "response x", "response x", "next"},
			log:   "i/o timeout",
		},
	} {
		for mode, handler := range map[string]runtimeapi.Handler{"buffered": buffered(), "streamed": streamed()} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				l := &testlog.Buffer{}
				api := newRaw(t, tt.conns...)
				defer api.close()
				client, err := runtimeapi.NewWithReplyBounds(runtimeapi.Config{
					Address: api.listener.Addr().String(), WithoutExtension: true, Logger: logger(l),
				}, bound, tt.late)
				if err != nil {
					t.Fatal(err)
				}
				if err := api.expect(t, client, handler, tt.calls, false); err != nil {
					t.Errorf("Serve: %v", err)
				}
				if got := l.String(); (got != "") != (tt.log != "") || !strings.Contains(got, tt.log) {
					t.Errorf("logged %q, want %q in it", got, tt.log)
				}
			})
		}
	}
}

// FuzzServe lets the API send anything: to the call of next with the first
// half of the input, to the post with the second. The client must always end in
// bounded time with bounded memory.
func FuzzServe(f *testing.F) {
	for _, seed := range []struct{ next, post string }{
		{rawEvent, rawOK},
		{"", ""},
		{rawHead + "Content-Length: 99999999999999\r\n\r\n", rawOK},
		{rawHead + "Content-Length: -1\r\n\r\n", rawOK},
		{rawHead + "Content-Length: 16000000\r\n\r\nx", rawOK},
		{rawHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", rawOK},
		{rawHead + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n0\r\n\r\n", rawOK},
		{rawHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: x\r\n\r\n", rawOK},
		{rawHead + "X: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", rawOK},
		{rawHead + strings.Repeat("X: y\r\n", 12<<10) + "\r\n", rawOK},
		{strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10), rawOK},
		{"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: ../a b\x80\r\nLambda-Runtime-Deadline-Ms: 1\r\n\r\n", rawOK},
		{rawHead + "Lambda-Runtime-Trace-Id: a\x00b\r\n\r\n", rawOK},
		{rawEvent, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge"},
		{rawEvent, "HTTP/1.1 500 \xff\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n"},
		{rawEvent, rawOK + rawOK},
		{rawEvent, "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
		{rawEvent, "garbage"},
	} {
		f.Add(seed.next, seed.post, false)
		f.Add(seed.next, seed.post, true)
	}
	const bound = 20 * time.Millisecond
	f.Fuzz(func(t *testing.T, next, post string, stream bool) {
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		answer := func(c *rawConn) {
			for c.request() {
				calls := c.api.seen()
				if len(calls) > 4 {
					stop()
					return
				}
				if strings.HasPrefix(calls[len(calls)-1], "next") {
					c.say(next)
				} else {
					c.say(post)
				}
			}
		}
		a := newRaw(t, answer)
		defer a.close()
		handler := buffered()
		if stream {
			handler = streamed()
		}
		client, err := runtimeapi.NewWithBounds(runtimeapi.Config{
			Address: a.listener.Addr().String(), WithoutExtension: true, Logger: discard(),
		}, bound)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		err = client.Serve(ctx, handler)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if took > 10*time.Second { // the end of ctx, the longest wait for a response, and a slow machine
			t.Errorf("Serve took %v: %v", took, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
			t.Errorf("Serve allocated %d bytes", n)
		}
		if err != nil && errors.Is(err, context.Canceled) {
			t.Error(fmt.Errorf("Serve fails with the end of its context: %w", err))
		}
	})
}
