package event

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// largePayload is the size in bytes from which a payload's body is decoded in
// place. In a smaller payload, finding the body costs more than copying it.
const largePayload = 32 << 10

// decodePayload reads an event, which is a JSON object. Only the envelope's
// largeBody refers to payload.
func decodePayload(payload []byte) (envelope, error) {
	if len(payload) >= largePayload {
		if start, end := findBody(payload); end-start >= len(payload)/2 {
			var text strings.Builder
			text.Grow(len(payload) - (end - start) + len("null"))
			text.Write(payload[:start])
			text.WriteString("null")
			text.Write(payload[end:])
			if e, err := parseEnvelope(text.String()); err == nil {
				e.largeBody = payload[start:end]
				return e, nil
			}
		}
	}
	return parseEnvelope(string(payload))
}

// findBody returns the offsets of the string that is an event's body, or zeros
// if there is none. It does not check the rest of the event.
func findBody(payload []byte) (start, end int) {
	depth := 0
	for i := 0; i < len(payload); i++ {
		switch payload[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			after := skipString(payload, i)
			key := payload[i:after]
			i = after - 1
			if depth != 1 || string(key) != `"body"` {
				continue
			}
			value := skipSpace(payload, after)
			if value == len(payload) || payload[value] != ':' {
				continue // a value "body", not a key
			}
			start, end = 0, 0 // the last of several members with one name counts
			if value = skipSpace(payload, value+1); value < len(payload) && payload[value] == '"' {
				start, end = value, skipString(payload, value)
				i = end - 1
			}
		}
	}
	return start, end
}

// skipString returns the end of the string that begins at i.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// readBody returns a request's body and its length. It checks the limit before
// it decodes the body.
func readBody(e *envelope, limit int) (io.ReadCloser, int64, error) {
	if e.largeBody != nil {
		return readLargeBody(e.largeBody[1:len(e.largeBody)-1], e.base64, limit)
	}
	if e.body == "" {
		return http.NoBody, 0, nil
	}
	p := parser{s: e.body, at: "body"}
	text := p.text()
	if p.err != nil || text == "" {
		return http.NoBody, 0, p.err
	}
	if e.base64 {
		return decodeBase64([]byte(text), limit)
	}
	if len(text) > limit {
		return nil, 0, bodyTooLarge(limit)
	}
	b := new(textBody)
	b.Reset(text)
	return b, int64(len(text)), nil
}

// readLargeBody is readBody for the text between the quotes of a JSON string.
func readLargeBody(quoted []byte, isBase64 bool, limit int) (io.ReadCloser, int64, error) {
	escaped, valid := bytes.IndexByte(quoted, '\\') >= 0, utf8.Valid(quoted)
	switch {
	case isBase64 && !escaped:
		return decodeBase64(quoted, limit)
	case !isBase64 && !escaped && valid && len(quoted) > limit:
		return nil, 0, bodyTooLarge(limit)
	}
	most := limit
	if isBase64 {
		most = len(quoted)
	}
	text, ok := unquote(quoted, valid, most)
	switch {
	case !ok:
		return nil, 0, (&parser{at: "body"}).syntaxError("valid escape sequences")
	case isBase64:
		return decodeBase64(text, limit)
	case len(text) > limit:
		return nil, 0, bodyTooLarge(limit)
	}
	return newBytesBody(text), int64(len(text)), nil
}

// decodeBase64 returns the decoded body.
func decodeBase64(text []byte, limit int) (io.ReadCloser, int64, error) {
	size := base64.StdEncoding.DecodedLen(len(text))
	if size > limit && decodedLen(text) > limit {
		return nil, 0, bodyTooLarge(limit)
	}
	decoded := make([]byte, size)
	n, err := base64.StdEncoding.Decode(decoded, text)
	if err != nil {
		return nil, 0, badRequest("the body is not valid base64")
	}
	if n == 0 {
		return http.NoBody, 0, nil
	}
	return newBytesBody(decoded[:n]), int64(n), nil
}

// decodedLen returns the decoded length of text, which is valid base64.
func decodedLen(text []byte) int {
	n := len(text) - bytes.Count(text, []byte{'\n'}) - bytes.Count(text, []byte{'\r'}) // encoding/base64 skips both
	padding := len(text) - len(bytes.TrimRight(text, "=\r\n"))
	return base64.StdEncoding.DecodedLen(n) - min(padding, 2)
}

// textBody and bytesBody are bodies whose Close does nothing.
type (
	textBody  struct{ strings.Reader }
	bytesBody struct{ bytes.Reader }
)

func newBytesBody(b []byte) *bytesBody {
	body := new(bytesBody)
	body.Reset(b)
	return body
}

// Close implements io.Closer.
func (*textBody) Close() error { return nil }

// Close implements io.Closer.
func (*bytesBody) Close() error { return nil }
