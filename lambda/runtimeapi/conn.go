package runtimeapi

import (
	"bufio"
	"errors"
	"net"
	"runtime"
	"strconv"
	"time"
)

const (
	runtimePath   = "/2018-06-01/runtime/"
	extensionPath = "/2020-01-01/extension/"

	// maxHeadBytes limits the status line and headers of the API's responses.
	maxHeadBytes = 64 << 10
	// maxEventBytes limits an event. The Invoke API takes 6 MB.
	maxEventBytes = 16 << 20
	// maxReplyBytes limits the API's reply to a posted response.
	maxReplyBytes = 64 << 10

	// readBufferBytes is enough for most events with their headers, so one read
	// takes them.
	readBufferBytes = 16 << 10
	// copyBytes is the largest body that is copied into the buffer of the request's
	// header, so that one write sends both.
	copyBytes = 16 << 10
)

// timing has the time limits for the API. Tests shorten them.
type timing struct {
	dial     time.Duration
	message  time.Duration   // from the first byte of a response to the last
	reply    time.Duration   // for the API to take a complete response
	late     time.Duration   // to read a reply that, if there is one, has been sent already
	register time.Duration   // for Serve to wait for the extension
	steady   time.Duration   // after which a connection counts as sound
	lastCall time.Duration   // for an event that was sent before the shutdown
	redials  []time.Duration // the waits before next is called again after an unsound connection
}

func defaultTiming() timing {
	return timing{
		dial:     time.Second,
		message:  5 * time.Second,
		reply:    10 * time.Second,
		late:     50 * time.Millisecond,
		register: time.Second,
		steady:   100 * time.Millisecond,
		lastCall: 50 * time.Millisecond,
		redials:  []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond},
	}
}

var (
	errHeadTooLarge = errors.New("the head or framing of the response is too large")
	errTooLarge     = errors.New("the body of the response is too large")
)

// conn is one connection to the API. It carries one request and its response at a
// time and is used by one goroutine.
type conn struct {
	net.Conn
	timing timing
	common string // the part after the path that all request heads share
	r      *bufio.Reader
	out    []byte  // the request being written, reused
	in     []byte  // the head being read, reused
	fields []field // of the response, reused

	budget  int  // the bytes of the response that may still be read
	began   bool // a byte of the response has come
	bounded bool // a deadline is set
	timed   bool // the deadline is that of the rest of a response
	broken  bool // must not be used again
}

func dial(address string, timing timing) (*conn, error) {
	d := net.Dialer{Timeout: timing.dial, KeepAlive: -1}
	nc, err := d.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, timing: timing}
	c.common = " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: lambda-grpc-gateway/" + runtime.Version() + "\r\n"
	c.r = bufio.NewReaderSize(c, readBufferBytes)
	return c, nil
}

// Read reads from the network within the limits of the current response.
func (c *conn) Read(p []byte) (int, error) {
	if c.budget <= 0 {
		return 0, errHeadTooLarge
	}
	if c.began && !c.timed {
		c.timed = true
		c.bound(time.Now().Add(c.timing.message))
	}
	n, err := c.Conn.Read(p[:min(len(p), c.budget)])
	c.budget -= n
	c.began = c.began || n > 0
	return n, err
}

// bound sets the deadline of the current request and its response.
func (c *conn) bound(t time.Time) {
	c.bounded = true
	_ = c.SetDeadline(t) // it fails only on a closed connection, as the read or write then does
}

// begin begins a request; the caller appends headers and calls get or post.
func (c *conn) begin(method, path string) {
	c.out = append(c.out[:0], method...)
	c.out = append(c.out, ' ')
	c.out = append(c.out, path...)
	c.out = append(c.out, c.common...)
}

// header appends a header. The value has no control characters.
func (c *conn) header(name, value string) {
	c.out = append(c.out, name...)
	c.out = append(c.out, ": "...)
	c.out = append(c.out, value...)
	c.out = append(c.out, "\r\n"...)
}

// get sends a request without a body.
func (c *conn) get() error {
	c.out = append(c.out, "\r\n"...)
	c.ready()
	_, err := c.Write(c.out)
	return err
}

// post sends the request with a body.
func (c *conn) post(body []byte) error {
	c.out = append(c.out, "Content-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	c.ready()
	if len(body) <= copyBytes {
		c.out = append(c.out, body...)
		_, err := c.Write(c.out)
		return err
	}
	buffers := net.Buffers{c.out, body}
	_, err := buffers.WriteTo(c.Conn)
	return err
}

// ready prepares for the response to the next request.
func (c *conn) ready() { c.began, c.timed, c.budget = false, false, maxHeadBytes }

// unbound clears the deadline at the end of an exchange.
func (c *conn) unbound() error {
	if !c.bounded {
		return nil
	}
	c.bounded = false
	return c.SetDeadline(time.Time{})
}
