package emulator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"slices"
)

// StreamContentType is the content type of a streamed response with a prelude: a
// JSON document with status and headers, followed by eight NUL bytes and the
// body.
const StreamContentType = "application/vnd.awslambda.http-integration-response"

// MaxPreludeBytes bounds a prelude with its delimiter (API Gateway developer
// guide, "Lambda proxy integration format for response streaming").
const MaxPreludeBytes = 16 << 10

var delimiter = make([]byte, 8)

// splitPrelude reads the prelude of a stream that has one. It returns the cause
// of ctx if ctx ends first. On error it closes the stream's Body.
func splitPrelude(ctx context.Context, s *Stream) (*Stream, error) {
	mediaType, _, err := mime.ParseMediaType(s.ContentType)
	if err != nil || mediaType != StreamContentType {
		return s, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Body.Close() })
	head, err := readPrelude(s.Body)
	if !stop() { // ctx has ended and the body is closed
		return nil, context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		_ = s.Body.Close() // the pipe has failed already
		return nil, err
	}
	prelude, rest, found := bytes.Cut(head, delimiter)
	if !found {
		rest = head
	} else {
		s.Prelude = prelude
	}
	s.Body = &prefixed{prefix: rest, ReadCloser: s.Body}
	return s, nil
}

// readPrelude reads until the delimiter, the end, or MaxPreludeBytes.
func readPrelude(r io.Reader) ([]byte, error) {
	head := make([]byte, 0, 4<<10)
	for !bytes.Contains(head, delimiter) && len(head) < MaxPreludeBytes {
		head = slices.Grow(head, 1)
		n, err := r.Read(head[len(head):min(cap(head), MaxPreludeBytes)])
		head = head[:len(head)+n]
		if err != nil {
			return head, err
		}
	}
	return head, nil
}

// prefixed is a body whose beginning has already been read.
type prefixed struct {
	prefix []byte
	io.ReadCloser
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.prefix) > 0 {
		n := copy(b, p.prefix)
		p.prefix = p.prefix[n:]
		return n, nil
	}
	return p.ReadCloser.Read(b)
}
