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

// netHTTPBuffer is the number of bytes of a body that net/http's server buffers
// before it sends the header (bufferBeforeChunkingSize in net/http/server.go).
// It affects the detected content type and the Content-Length of a HEAD response.
const netHTTPBuffer = 2048

// body is the destination of a response's body.
type body interface {
	io.Writer
	flush() error
}

// responseWriter is an http.ResponseWriter that behaves like that of net/http's
// HTTP/1.1 server, for the handler and for the client. It is also an http.Flusher
// and an io.StringWriter, and it implements http.ResponseController's flushing
// and full duplex.
//
// The header is encoded as soon as it can no longer change.
type responseWriter struct {
	format responseFormat
	isHead bool // the request's method is HEAD
	log    *slog.Logger
	body   body

	cancel    context.CancelFunc // ends the request's context; may be nil
	abandoned atomic.Bool        // the Handler no longer waits for the handler

	header http.Header
	status int          // 0 until the header is fixed
	head   responseHead // set together with status
	closed bool         // head is complete
	sniff  []byte       // the beginning of the body, for detecting its type

	wantSniff, wantLength bool

	declared int64 // the Content-Length that the handler set, or -1
	written  int64 // bytes that the handler wrote, accepted or not
	accepted int64
	complete bool // the response is to HEAD, and the handler has flushed
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

// WriteHeader implements http.ResponseWriter. Only the first call counts.
// Informational statuses cannot be sent and are ignored.
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

// FlushError is Flush for http.ResponseController. It fixes the header, also of
// a buffered response.
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

// EnableFullDuplex is for http.ResponseController. It does nothing, since the
// request is complete before the handler starts.
func (w *responseWriter) EnableFullDuplex() error { return nil }

// closeHead adds the headers that depend on the body. done says that the handler
// has returned.
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

// finish completes the response after the handler has returned. If the response
// cannot be sent, it returns the one to send instead.
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
