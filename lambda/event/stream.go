package event

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// streamLimit is the maximum size of a streamed response in bytes. Lambda ends a
// larger one (Lambda quotas, "Invocation payload (request and response)").
const streamLimit = 200 << 20

// Stream serves one event and returns a reader of the response. The handler's
// output can be read after a flush, or after a few kilobytes. Pass the method to
// runtimeapi.Serve as a runtimeapi.StreamFunc, or to aws-lambda-go's lambda.Start.
//
// It is for Function URLs and REST APIs that are configured for response
// streaming. The events of other sources and of [WithFallback] get the same
// response as from [Handler.Invoke]. The errors are those of Invoke.
//
// A failure before the first byte is sent becomes the same response as in Invoke.
// After that, Read returns a [StreamError] and the client's response is aborted.
// This happens if the handler panics, does not return by the deadline, or writes
// more than the 200 MiB that Lambda streams.
//
// The reader is also an io.Closer, which the caller closes. Close ends the
// request's context. It returns after the handler has returned, or after the
// Handler has responded in its place.
func (h *Handler) Stream(ctx context.Context, payload json.RawMessage) (io.Reader, error) {
	inv, err := h.newInvocation(ctx, payload)
	if err == nil && inv.format.streams {
		return h.streamed(inv), nil
	}
	var out []byte
	if err == nil {
		out, err = h.respond(inv)
	} else {
		out, err = h.fallBack(ctx, payload, err)
	}
	if err != nil {
		return nil, err
	}
	return &bufferedReader{r: bytes.NewReader(out)}, nil
}

// streamed starts to serve an invocation and returns the response.
func (h *Handler) streamed(inv *invocation) io.Reader {
	pr, pw := io.Pipe()
	s := &streamReader{pr: pr, cancel: inv.cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer inv.cancel()
		err := error(&StreamError{"the handler ended its goroutine"})
		defer func() { _ = pw.CloseWithError(err) }() // always nil
		err = h.stream(inv, pw)
	}()
	return s
}

// stream serves an invocation and writes the response to out. An error means that
// the response is incomplete.
func (h *Handler) stream(inv *invocation, out *io.PipeWriter) error {
	failure := inv.failure
	if failure == nil {
		w, b := h.newStreamedWriter(inv, out)
		w.cancel, b.abort = inv.cancel, out.CloseWithError
		var returned bool
		if failure, returned = h.serve(inv, w); !returned {
			if !b.claim() {
				return &StreamError{"the handler did not return before the deadline"}
			}
			_, err := out.Write(h.streamedError(inv, failure))
			return err
		}
		if failure == nil || w.complete {
			failure = w.finish()
		}
		if failure == nil {
			return b.flush()
		}
		if !b.claim() {
			return &StreamError{"the handler failed after a part of its response had been sent"}
		}
	}
	_, err := out.Write(h.streamedError(inv, failure))
	return err
}

func (h *Handler) newStreamedWriter(inv *invocation, out io.Writer) (*responseWriter, *streamedBody) {
	b := &streamedBody{out: out}
	b.buf = bufio.NewWriterSize(writerFunc(b.send), netHTTPBuffer)
	b.w = newResponseWriter(inv.format, inv.method, h.log, b)
	return b.w, b
}

// streamedError returns the response that reports failure.
func (h *Handler) streamedError(inv *invocation, failure *Error) []byte {
	if out, ok := h.tryStreamedError(inv, failure, h.writeError); ok {
		return out
	}
	out, _ := h.tryStreamedError(inv, failure, writeError)
	return out
}

func (h *Handler) tryStreamedError(inv *invocation, failure *Error, write func(http.ResponseWriter, *Error)) ([]byte, bool) {
	var out bytes.Buffer
	w, b := h.newStreamedWriter(inv, &out)
	if h.recoverPanic(func() { write(w, failure) }) != nil || w.finish() != nil {
		return nil, false
	}
	err := b.flush()
	return out.Bytes(), err == nil
}

// streamedBody writes a response in Lambda's format for HTTP integrations: status
// and headers in JSON, eight zero bytes, the body.
type streamedBody struct {
	w     *responseWriter
	out   io.Writer
	abort func(error) error // ends out with an error; may be nil
	buf   *bufio.Writer
	begun atomic.Bool // the handler, or the Handler in its place, has begun to write to out
	head  bool        // the head has been written
	total int         // bytes
}

// claim reserves out for its first caller, to which it returns true. Once it has
// returned true to the Handler, the handler's writes fail.
func (b *streamedBody) claim() bool { return b.begun.CompareAndSwap(false, true) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (b *streamedBody) Write(p []byte) (int, error) { return b.buf.Write(p) }

// send writes p, and the head before the first call's p.
func (b *streamedBody) send(p []byte) (int, error) {
	if !b.head {
		if !b.claim() {
			return 0, http.ErrHandlerTimeout
		}
		b.head = true
		b.w.closeHead(false)
		if _, err := b.write(append(b.w.head.close(), '}', 0, 0, 0, 0, 0, 0, 0, 0)); err != nil {
			return 0, err
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return b.write(p)
}

// write writes as much of p as Lambda's limit for streamed responses allows.
func (b *streamedBody) write(p []byte) (int, error) {
	rest := streamLimit - b.total
	n, err := b.out.Write(p[:min(len(p), rest)])
	b.total += n
	if err == nil && len(p) > rest {
		err = &StreamError{fmt.Sprintf("the response is larger than Lambda streams: %d bytes", streamLimit)}
		if b.abort != nil {
			_ = b.abort(err) // always nil
		}
	}
	return n, err
}

func (b *streamedBody) flush() error {
	if !b.head && b.buf.Buffered() == 0 {
		_, err := b.send(nil)
		return err
	}
	return b.buf.Flush()
}

// streamReader reads a streamed response. It has no exported fields and so
// encodes as {} in JSON, which makes aws-lambda-go read it instead.
type streamReader struct {
	pr     *io.PipeReader
	cancel context.CancelFunc
	done   chan struct{}
}

// Read implements io.Reader.
func (s *streamReader) Read(p []byte) (int, error) { return s.pr.Read(p) }

// Close implements io.Closer.
func (s *streamReader) Close() error {
	s.cancel()
	_ = s.pr.CloseWithError(errStreamClosed)
	<-s.done
	return nil
}

// ContentType returns the Content-Type of the response to the Runtime API.
func (s *streamReader) ContentType() string {
	return "application/vnd.awslambda.http-integration-response"
}

// bufferedReader reads a buffered response.
type bufferedReader struct{ r *bytes.Reader }

// Read implements io.Reader.
func (b *bufferedReader) Read(p []byte) (int, error) { return b.r.Read(p) }

// Len returns the number of unread bytes. Package runtimeapi does not stream a
// response with a length.
func (b *bufferedReader) Len() int { return b.r.Len() }

// ContentType returns the Content-Type of the response to the Runtime API.
func (b *bufferedReader) ContentType() string { return "application/json" }

var errStreamClosed = errors.New("event: the response is not read any more")
