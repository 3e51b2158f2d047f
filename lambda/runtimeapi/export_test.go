package runtimeapi

import (
	"bufio"
	"io"
	"math"
	"net"
	"strings"
	"time"
)

// NewWithBounds is New with short time limits for the API and no pause between
// dials.
func NewWithBounds(cfg Config, bound time.Duration) (*Client, error) {
	timing := defaultTiming()
	timing.message, timing.reply, timing.late, timing.register, timing.lastCall = bound, bound, bound, bound, bound
	timing.redials = make([]time.Duration, 2)
	return newClient(cfg, timing)
}

// NewWithReplyBounds is New with time limits for the API's reply to a response and
// for a late reply.
func NewWithReplyBounds(cfg Config, reply, late time.Duration) (*Client, error) {
	timing := defaultTiming()
	timing.reply, timing.late = reply, late
	return newClient(cfg, timing)
}

// NewNeverSteady is New without the rule that a connection which has lasted for a
// while ends a row of failures.
func NewNeverSteady(cfg Config) (*Client, error) {
	timing := defaultTiming()
	timing.steady = math.MaxInt64
	return newClient(cfg, timing)
}

// Response is a response of the API as the client reads it.
type Response struct {
	Status   string
	Header   map[string]string
	Body     string
	Last     bool   // the connection is not used again
	Buffered string // what has been read and does not belong to it
}

// ReadResponse reads a response and the named fields of its header.
func ReadResponse(text string, limit int, fields ...string) (Response, error) {
	c := &conn{Conn: textConn{r: strings.NewReader(text)}, timing: defaultTiming()}
	c.r = bufio.NewReaderSize(c, readBufferBytes)
	c.ready()
	resp, err := c.receive()
	if err != nil {
		return Response{}, err
	}
	body, err := c.readBody(resp, nil, limit)
	a := Response{Status: resp.status, Body: string(body), Last: c.broken, Header: map[string]string{}}
	for _, name := range fields {
		a.Header[name] = resp.get(name)
	}
	rest, _ := c.r.Peek(c.r.Buffered())
	a.Buffered = string(rest)
	return a, err
}

// textConn is a connection from which a text is read.
type textConn struct {
	net.Conn
	r io.Reader
}

func (c textConn) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c textConn) SetDeadline(time.Time) error { return nil }
