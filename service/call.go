package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A call holds the state of one request through the gateway, shared by the
// code above and below the mux. It is in the request's context.
//
// The goroutine that reads the request's body owns the fields without a
// comment. For bidirectional streams, another goroutine writes the response.
type call struct {
	request  *http.Request       // as passed to the mux
	response http.ResponseWriter // as passed to the mux
	isHead   bool                // the client's method is HEAD

	clientStream bool // the RPC takes several messages; set before the body is read
	serverStream bool // the RPC returns several messages; set before the first
	ended        bool // the last message has been received; owned by the goroutine that writes the response
	broken       bool // the response has begun and cannot be completed; owned likewise
	decoder      *json.Decoder
	trailing     bool  // something other than space follows the decoded value
	decodeErr    error // ends a client stream in place of its io.EOF

	tooLarge atomic.Pointer[http.MaxBytesError]
}

type callKey struct{}

// callOf returns the call in ctx, or nil.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// noCall returns a call for RPCs that are not made for a request.
func noCall() *call { return new(call) }

// newCall returns a call and a copy of r with the call in its context. The
// call watches r's body.
func newCall(w http.ResponseWriter, r *http.Request) (*call, *http.Request) {
	c := &call{response: w, isHead: r.Method == http.MethodHead}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	if r.Body != nil {
		r.Body = &requestBody{r.Body, c}
	}
	c.request = r
	return c, r
}

// requestBody records in its call two facts that generated code loses: that
// the body is too large, which it turns into text, and that more data follows
// the decoded value, which it ignores.
type requestBody struct {
	io.ReadCloser
	call *call
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	c := b.call
	if c.decoder != nil && !c.clientStream && !c.trailing {
		c.trailing = !isSpace(p[:n])
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		c.tooLarge.Store(tooLarge)
	}
	return n, err
}

// isSpace reports whether p consists of JSON white space.
func isSpace(p []byte) bool {
	for _, b := range p {
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return false
		}
	}
	return true
}

// requestErr returns why a request that generated code accepted is invalid,
// or nil. The body has been read.
func (c *call) requestErr() error {
	if err := c.tooLargeErr(); err != nil {
		return err
	}
	if c.clientStream || c.decoder == nil {
		return nil
	}
	if !c.trailing {
		rest, _ := io.ReadAll(c.decoder.Buffered())
		c.trailing = !isSpace(rest)
	}
	if c.trailing {
		return errTrailing()
	}
	return nil
}

func errTrailing() error {
	return status.Error(codes.InvalidArgument, "body: unexpected data after the JSON value")
}

// tooLargeErr returns an error if the body exceeded the limit of an
// [http.MaxBytesReader], or nil.
func (c *call) tooLargeErr() error {
	e := c.tooLarge.Load()
	if e == nil {
		return nil
	}
	return status.Error(codes.ResourceExhausted, fmt.Sprintf("body: larger than the limit of %d bytes", e.Limit))
}
