package event

import (
	"encoding/base64"
	"errors"
	"math"
	"unicode/utf8"
)

// bufferedBody collects the body of a buffered response in chunks, so growing
// copies nothing. It refuses writes once the body cannot fit into a response.
type bufferedBody struct {
	limit    int  // of the encoded body, in bytes
	encoded  bool // the body has a content coding
	chunks   [][]byte
	size     int
	escaped  int    // the size as a JSON string
	binary   bool   // it is not valid UTF-8
	cut      []byte // the beginning of an incomplete rune
	tooLarge bool
}

// The capacities of chunks are multiples of three, so only the last chunk is
// padded in base64.
const (
	minChunk = 255
	maxChunk = 3 << 17
)

var errResponseTooLarge = errors.New("event: the response is too large for Lambda")

// Write takes all of p or none of it.
func (b *bufferedBody) Write(p []byte) (int, error) {
	if b.tooLarge {
		return 0, errResponseTooLarge
	}
	n := len(p)
	if !b.binary && b.size+n <= b.limit {
		b.escaped += escapedLen(p)
		b.binary = !b.validate(p)
	}
	b.size += n
	if b.encodedLen() > b.limit {
		b.tooLarge = true
		b.chunks = nil
		return 0, errResponseTooLarge
	}
	for len(p) > 0 {
		last := len(b.chunks) - 1
		if last < 0 || len(b.chunks[last]) == cap(b.chunks[last]) {
			size := min(max(len(p), b.size-len(p), minChunk), maxChunk)
			b.chunks = append(b.chunks, make([]byte, 0, (size+2)/3*3))
			last++
		}
		chunk := b.chunks[last]
		m := min(len(p), cap(chunk)-len(chunk))
		b.chunks[last] = append(chunk, p[:m]...)
		p = p[m:]
	}
	return n, nil
}

func (b *bufferedBody) flush() error { return nil }

// encodedLen returns the minimum size of the encoded body so far.
func (b *bufferedBody) encodedLen() int {
	if b.size > b.limit {
		return math.MaxInt
	}
	inBase64 := base64.StdEncoding.EncodedLen(b.size)
	if b.binary || b.encoded {
		return inBase64
	}
	return min(b.escaped, inBase64) // bytes that are not UTF-8 may follow
}

// validate reports whether the body is still valid UTF-8 when p is added.
func (b *bufferedBody) validate(p []byte) bool {
	for len(b.cut) > 0 && len(p) > 0 {
		b.cut = append(b.cut, p[0])
		p = p[1:]
		if utf8.FullRune(b.cut) {
			if !utf8.Valid(b.cut) {
				return false
			}
			b.cut = b.cut[:0]
		}
	}
	for i := len(p) - 1; i >= max(len(p)-utf8.UTFMax, 0); i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				b.cut = append(b.cut, p[i:]...)
				p = p[:i]
			}
			break
		}
	}
	return utf8.Valid(p)
}

// response returns head, a JSON object without its closing brace, completed with
// the members body and isBase64Encoded. It reports false if the result is larger
// than limit. The body is text if it is valid UTF-8 without a content coding.
func (b *bufferedBody) response(head []byte, limit int) ([]byte, bool) {
	const begin, endText, endBase64 = `,"body":"`, `","isBase64Encoded":false}`, `","isBase64Encoded":true}`
	inBase64 := b.binary || len(b.cut) > 0 || b.encoded && b.size > 0
	size := len(head) + len(begin) + b.escaped + len(endText)
	if inBase64 {
		size = len(head) + len(begin) + base64.StdEncoding.EncodedLen(b.size) + len(endBase64)
	}
	if size > limit {
		return nil, false
	}
	out := append(append(make([]byte, 0, size), head...), begin...)
	for _, chunk := range b.chunks {
		if inBase64 {
			out = base64.StdEncoding.AppendEncode(out, chunk)
		} else {
			out = appendEscaped(out, chunk)
		}
	}
	if inBase64 {
		return append(out, endBase64...), true
	}
	return append(out, endText...), true
}
