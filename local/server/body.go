package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
)

// limitBodies bounds the size of request bodies. A body that says that it is too
// large is answered with 413 at once; one that turns out to be is cut off, and
// the handler's complaint about it becomes a 413. Likewise, one that runs into
// the server's ReadTimeout is a 408. Without MaxBodyBytes, the limit is the
// handler's own.
func limitBodies(next http.Handler, c *config.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		l := &limitedBody{ReadCloser: r.Body, limit: c.MaxBodyBytes, timeout: c.BodyTimeout}
		if l.limit > 0 {
			if r.ContentLength > l.limit {
				l.writeError(w, http.StatusRequestEntityTooLarge)
				return
			}
			l.ReadCloser = http.MaxBytesReader(w, r.Body, l.limit)
		}
		r = r.WithContext(r.Context()) // a copy
		r.Body = l
		next.ServeHTTP(&limitedWriter{ResponseWriter: w, body: l}, r)
	})
}

// limitedBody notes how a body ended. It can be read and looked at by different
// goroutines.
type limitedBody struct {
	io.ReadCloser
	limit   int64 // 0 for none
	timeout time.Duration
	failure atomic.Int32 // 413, 408, or 0
}

func (l *limitedBody) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	var exceeded *http.MaxBytesError
	switch {
	case errors.As(err, &exceeded):
		l.failure.Store(http.StatusRequestEntityTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.failure.Store(http.StatusRequestTimeout)
	}
	return n, err
}

// writeError answers as the gateway does, with a google.rpc.Status, and has the
// connection closed without waiting for the rest of the body.
func (l *limitedBody) writeError(w http.ResponseWriter, status int) {
	code, message := codes.ResourceExhausted, fmt.Sprintf("the body has more than the %d bytes that are allowed", l.limit)
	if status == http.StatusRequestTimeout {
		code, message = codes.DeadlineExceeded, fmt.Sprintf("the body took longer to arrive than the %v that are allowed", l.timeout)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // every writer of net/http's server can
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%d,"message":%q,"details":[]}`, code, message)
}

// limitedWriter puts the reason in the place of a 400 or 413 that comes of it.
type limitedWriter struct {
	http.ResponseWriter
	body     *limitedBody
	begun    bool
	replaced bool
}

func (w *limitedWriter) WriteHeader(status int) {
	failure := w.body.failure.Load()
	complaint := status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge
	if failure != 0 && complaint && !w.begun {
		w.begun, w.replaced = true, true
		w.body.writeError(w.ResponseWriter, int(failure))
		return
	}
	w.begun = w.begun || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.replaced {
		return len(p), nil
	}
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher, which the gateway looks for.
func (w *limitedWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *limitedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
