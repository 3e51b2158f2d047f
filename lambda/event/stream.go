package event

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Stream serves one event and returns the answer while it is being made: what
// the handler writes can be read when it flushes, or has written a few kilobytes.
// It is for lambda.Start, like [Handler.Invoke], and for Function URLs and REST
// APIs whose invocations are set to be streamed. Those of HTTP APIs and load
// balancers cannot be, and are answered as Invoke answers them.
//
// A failure before anything was sent is answered as in Invoke. After that, Read
// returns an error, which aws-lambda-go passes on, so that the client sees its
// response break off. There is no limit of ours on the length; Lambda's is
// 200 MB.
//
// The reader is an io.Closer too, and aws-lambda-go closes it. Close ends the
// request's context and returns when the handler has returned.
func (h *Handler) Stream(ctx context.Context, payload json.RawMessage) (io.Reader, error) {
	inv, err := h.newInvocation(ctx, payload)
	if err != nil {
		return nil, err
	}
	if !inv.form.streams {
		return &bufferedReader{r: bytes.NewReader(h.buffered(inv))}, nil
	}
	pr, pw := io.Pipe()
	s := &streamReader{pr: pr, cancel: inv.cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer inv.cancel()
		err := errStreamFailed // should the handler end the goroutine
		defer func() { _ = pw.CloseWithError(err) }()
		err = h.stream(inv, pw)
	}()
	return s, nil
}

// stream serves an invocation and writes the answer to out. An error means that
// what was written is not all of it.
func (h *Handler) stream(inv *invocation, out io.Writer) error {
	failure := inv.failure
	if failure == nil {
		b := newStreamedBody(out)
		w := newResponseWriter(inv.form, inv.method, h.log, b)
		b.w = w
		failure = h.run(w, inv.request)
		if failure == nil {
			failure = w.finish()
		}
		if failure == nil {
			return b.flush()
		}
		if b.sent {
			return errStreamFailed
		}
	}
	_, err := out.Write(h.streamedError(inv, failure))
	return err
}

// streamedError returns the answer that tells of a failure.
func (h *Handler) streamedError(inv *invocation, failure *Error) []byte {
	if out, ok := h.tryStreamedError(inv, failure, h.writeError); ok {
		return out
	}
	out, _ := h.tryStreamedError(inv, failure, writeError)
	return out
}

func (h *Handler) tryStreamedError(inv *invocation, failure *Error, write func(http.ResponseWriter, *Error)) ([]byte, bool) {
	var out bytes.Buffer
	b := newStreamedBody(&out)
	w := newResponseWriter(inv.form, inv.method, h.log, b)
	b.w = w
	if h.guard(func() { write(w, failure) }) != nil || w.finish() != nil {
		return nil, false
	}
	err := b.flush()
	return out.Bytes(), err == nil
}

// streamedBody writes an answer in the form of an HTTP integration response:
// status and headers in JSON, eight zero bytes, the body.
type streamedBody struct {
	w    *responseWriter
	out  io.Writer
	buf  *bufio.Writer
	sent bool
}

func newStreamedBody(out io.Writer) *streamedBody {
	b := &streamedBody{out: out}
	b.buf = bufio.NewWriterSize(writerFunc(b.send), netHTTPBuffer)
	return b
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (b *streamedBody) Write(p []byte) (int, error) { return b.buf.Write(p) }

// send writes p, and before that the head if this is the first of it.
func (b *streamedBody) send(p []byte) (int, error) {
	if !b.sent {
		b.w.closeHead(false)
		head := append(b.w.head.close(), '}', 0, 0, 0, 0, 0, 0, 0, 0)
		b.sent = true
		if _, err := b.out.Write(head); err != nil {
			return 0, err
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return b.out.Write(p)
}

func (b *streamedBody) flush() error {
	if !b.sent && b.buf.Buffered() == 0 {
		_, err := b.send(nil)
		return err
	}
	return b.buf.Flush()
}

// streamReader is an answer that is being made. Having no exported fields, it
// is {} in JSON, which is how aws-lambda-go knows to read it instead.
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

// ContentType tells the Runtime API what the answer is.
func (s *streamReader) ContentType() string {
	return "application/vnd.awslambda.http-integration-response"
}

// bufferedReader is a whole answer, for [Handler.Stream].
type bufferedReader struct{ r *bytes.Reader }

// Read implements io.Reader.
func (b *bufferedReader) Read(p []byte) (int, error) { return b.r.Read(p) }

// Len is how much there is to read. Package runtimeapi does not stream an answer
// that has a length.
func (b *bufferedReader) Len() int { return b.r.Len() }

// ContentType tells the Runtime API what the answer is.
func (b *bufferedReader) ContentType() string { return "application/json" }

var (
	errStreamFailed = errors.New("event: the handler failed after a part of its response had been sent")
	errStreamClosed = errors.New("event: the response is not read any more")
)
