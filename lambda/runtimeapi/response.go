package runtimeapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

var errMalformed = errors.New("the API's response is not valid HTTP/1.1")

// response is the head of a response of the API, stored in one string. Each
// invocation parses two. http.ReadResponse takes more than twice as long for one,
// and makes 17 allocations.
type response struct {
	code    int
	status  string // with the reason, such as "200 OK"
	fields  []field
	length  int64 // of the body; -1 if unknown
	chunked bool
	last    bool // the API closes the connection after the response
}

type field struct{ name, value string }

// parseResponse parses a head up to and including the empty line at its end. It
// appends the header to fields. It accepts what RFC 9112 allows a server to send.
// Unlike http.ReadResponse it accepts no continued lines and no control
// characters.
func parseResponse(head string, fields []field) (response, error) {
	line, rest := cutLine(head)
	proto, status, _ := strings.Cut(line, " ")
	r := response{status: status, fields: fields, length: -1, last: proto == "HTTP/1.0"}
	digits, _, _ := strings.Cut(status, " ")
	code, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(digits) != 3 || code < 100 || proto != "HTTP/1.1" && proto != "HTTP/1.0" || !isFieldValue(status) {
		return r, errMalformed
	}
	r.code = int(code)
	for line, rest = cutLine(rest); line != ""; line, rest = cutLine(rest) {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) || !isFieldValue(value) {
			return r, errMalformed
		}
		value = textproto.TrimString(value)
		if err := r.frame(name, value); err != nil {
			return r, err
		}
		r.fields = append(r.fields, field{name, value})
	}
	switch {
	case r.chunked && proto == "HTTP/1.0":
		return r, errMalformed
	case r.code < 200 || r.code == http.StatusNoContent || r.code == http.StatusNotModified:
		r.chunked, r.length = false, 0
	case r.chunked: // RFC 9112, section 6.3
		r.length = -1
	case r.length < 0: // the body ends with the connection
		r.last = true
	}
	return r, nil
}

// frame applies a field that describes the body or the connection.
func (r *response) frame(name, value string) error {
	switch {
	case strings.EqualFold(name, "Content-Length"):
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || r.length >= 0 && r.length != int64(n) {
			return errMalformed
		}
		r.length = int64(n)
	case strings.EqualFold(name, "Transfer-Encoding"):
		if r.chunked || !strings.EqualFold(value, "chunked") {
			return errMalformed
		}
		r.chunked = true
	case strings.EqualFold(name, "Connection"):
		for option := range strings.SplitSeq(value, ",") {
			r.last = r.last || strings.EqualFold(textproto.TrimString(option), "close")
		}
	}
	return nil
}

// get returns the value of the first field called name, or "" if there is none.
func (r *response) get(name string) string {
	for _, f := range r.fields {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// cutLine returns the first line of s without its line end, and the rest of s.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// isToken reports whether s can be the name of a field.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && c != '-' && (c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s has no control characters.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// receive reads the head of a response, whose fields are valid until the next
// call. The caller then reads the whole body with readBody.
func (c *conn) receive() (response, error) {
	const informational = 5 // as many as net/http's client takes
	for range informational {
		head, err := c.readHead()
		if err != nil {
			return response{}, err
		}
		resp, err := parseResponse(head, c.fields[:0])
		c.fields = resp.fields
		if err != nil {
			return resp, err
		}
		if resp.code >= 200 {
			c.broken = c.broken || resp.last
			return resp, nil
		}
	}
	return response{}, errors.New("the API sent only informational responses")
}

// readHead reads lines up to and including an empty one.
func (c *conn) readHead() (string, error) {
	c.in = c.in[:0]
	for {
		begin := len(c.in)
		for full := true; full; {
			part, err := c.r.ReadSlice('\n')
			c.in = append(c.in, part...)
			if full = errors.Is(err, bufio.ErrBufferFull); err != nil && !full {
				return "", unexpected(err)
			}
		}
		if line := bytes.TrimSuffix(c.in[begin:], []byte("\n")); len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return string(c.in), nil
		}
	}
}

// readBody appends the body to buf, up to limit bytes, and returns the result.
// After an error the connection cannot be used again.
func (c *conn) readBody(resp response, buf []byte, limit int) ([]byte, error) {
	if resp.length > int64(limit) {
		return buf, errTooLarge
	}
	c.budget = 2*limit + maxHeadBytes // including the framing of chunks
	if start := len(buf); resp.length >= 0 {
		buf = slices.Grow(buf, int(resp.length))[:start+int(resp.length)]
		if n, err := io.ReadFull(c.r, buf[start:]); err != nil {
			return buf[:start+n], unexpected(err)
		}
		return buf, c.unbound()
	}
	if !resp.chunked {
		buf, err := appendAll(buf, c.r, limit)
		return buf, errors.Join(err, c.unbound())
	}
	buf, err := appendAll(buf, httputil.NewChunkedReader(c.r), limit)
	if err != nil {
		return buf, err
	}
	if _, err := c.readHead(); err != nil { // the trailers
		return buf, err
	}
	return buf, c.unbound()
}

// appendAll reads r to its end and appends the data to buf, up to limit bytes.
func appendAll(buf []byte, r io.Reader, limit int) ([]byte, error) {
	for n := 0; ; {
		buf = slices.Grow(buf, max(512, n))
		k, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+k]
		if n += k; n > limit {
			return buf, errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// unexpected returns err, with io.EOF replaced by io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
