package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
)

// netHTTPBuffer is how much of a body net/http's server holds back before it
// sends the header (bufferBeforeChunkingSize in net/http/server.go). It shows:
// in the content type that it detects and in the Content-Length of a HEAD.
const netHTTPBuffer = 2048

// body is where a responseWriter puts the body.
type body interface {
	io.Writer
	flush() error
}

// responseWriter is an http.ResponseWriter that behaves as the one of net/http's
// HTTP/1.1 server does, in what a handler and in what a client can see of it.
// It also is an http.Flusher and an io.StringWriter, and what
// http.ResponseController asks for flushing and full duplex.
//
// The header is encoded for the event as soon as it may not change any more.
type responseWriter struct {
	format responseFormat
	isHead bool // the request's method is HEAD
	log    *slog.Logger
	body   body

	cancel    context.CancelFunc // ends the request's context; may be nil
	abandoned atomic.Bool        // nobody waits for the handler any more

	header http.Header
	status int          // 0 until the header is fixed
	head   responseHead // from then on
	closed bool         // nothing can be added to head any more
	sniff  []byte       // the beginning of the body, while its type is to be detected

	wantSniff, wantLength bool

	declared int64 // the Content-Length that the handler set, or -1
	written  int64 // what the handler wrote, whether it was accepted or not
	accepted int64
	complete bool // it answers a HEAD, and the handler has flushed
	tooLarge atomic.Bool
}

func newResponseWriter(f responseFormat, method string, log *slog.Logger, b body) *responseWriter {
	return &responseWriter{format: f, isHead: method == http.MethodHead, log: log, body: b, declared: -1}
}

// Header implements http.ResponseWriter.
func (w *responseWriter) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter: the first call counts. There is
// no way to send an informational status, so that those are ignored.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		w.log.Warn("event: superfluous WriteHeader call", "status", status, "sent", w.status)
		return
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	w.status = status
	_, hasType := w.header["Content-Type"]
	coding := w.header.Get("Content-Encoding")
	if b, ok := w.body.(*bufferedBody); ok {
		b.encoded = coding != "" && coding != "identity"
	}
	chunked := w.header.Get("Transfer-Encoding") != ""
	length := w.header.Get("Content-Length")
	if length != "" {
		if n, err := strconv.ParseInt(length, 10, 64); err == nil && n >= 0 {
			w.declared = n
		} else {
			w.log.Warn("event: invalid Content-Length", "value", length)
		}
	}
	w.wantSniff = w.bodyAllowed() && !hasType && coding == "" && !chunked
	w.wantLength = w.bodyAllowed() && w.isHead && length == "" && !chunked && len(w.header["Trailer"]) == 0
	w.head.begin(w.format, status, w.header)
	if w.isHead && w.declared >= 0 && w.bodyAllowed() {
		w.head.add("Content-Length", length)
	}
}

func (w *responseWriter) bodyAllowed() bool {
	return w.status >= 200 && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.abandoned.Load() {
		return 0, http.ErrHandlerTimeout
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !w.bodyAllowed() || w.complete {
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(len(p))
	if w.declared >= 0 && w.written > w.declared {
		return 0, http.ErrContentLength
	}
	if w.wantSniff && !w.closed && len(w.sniff) < 512 {
		w.sniff = append(w.sniff, p[:min(len(p), 512-len(w.sniff))]...)
	}
	w.accepted += int64(len(p))
	if w.isHead {
		return len(p), nil
	}
	n, err := w.body.Write(p)
	if errors.Is(err, errResponseTooLarge) {
		w.tooLarge.Store(true)
	}
	return n, err
}

// WriteString implements io.StringWriter.
func (w *responseWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController. A buffered response has
// nowhere to go yet, but its header is fixed from here on.
func (w *responseWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.abandoned.Load() {
		return http.ErrHandlerTimeout
	}
	w.closeHead(false)
	if w.isHead && w.cancel != nil {
		w.complete = true
		defer w.cancel()
	}
	return w.body.flush()
}

// EnableFullDuplex is for http.ResponseController. The whole request has been
// read before the handler starts, so that there is nothing to do.
func (w *responseWriter) EnableFullDuplex() error { return nil }

// closeHead adds to the header what depends on the body. When done, the
// handler has returned.
func (w *responseWriter) closeHead(done bool) {
	if w.closed {
		return
	}
	w.closed = true
	if w.wantSniff && len(w.sniff) > 0 {
		w.head.add("Content-Type", http.DetectContentType(w.sniff))
	}
	if done && w.wantLength && w.written > 0 && w.written <= netHTTPBuffer {
		w.head.add("Content-Length", strconv.FormatInt(w.written, 10))
	}
}

// finish is called after the handler has returned. It returns the answer that
// has to be given instead, if there is one.
func (w *responseWriter) finish() *Error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.closeHead(true)
	if w.tooLarge.Load() {
		return responseTooLarge(w.format)
	}
	if w.declared >= 0 && w.bodyAllowed() && !w.isHead && w.accepted != w.declared {
		w.log.Error("event: the handler did not write as much as its Content-Length says",
			"content_length", w.declared, "written", w.accepted)
		return internalError()
	}
	return nil
}
