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

// limitBodies bounds the size of request bodies. If the Content-Length exceeds the
// limit, the response is 413 at once. A longer body without one is truncated, and
// the handler's error response becomes 413. Likewise, the response to a body that
// exceeds the server's ReadTimeout becomes 408. If MaxBodyBytes is 0, only the
// handler's own limit applies.
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

// limitedBody records how a body ended. failure may be loaded while another
// goroutine reads.
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
		// The error of net has addresses, and Connect shows it to the client.
		err = fmt.Errorf("%s: %w", l.tooSlow(), os.ErrDeadlineExceeded)
	}
	return n, err
}

func (l *limitedBody) tooSlow() string {
	return fmt.Sprintf("the body took longer than the limit of %v", l.timeout)
}

// writeError responds with a google.rpc.Status, as the gateway does, and closes the
// connection without waiting for the rest of the body.
func (l *limitedBody) writeError(w http.ResponseWriter, status int) {
	code, message := codes.ResourceExhausted, fmt.Sprintf("the body exceeds the limit of %d bytes", l.limit)
	if status == http.StatusRequestTimeout {
		code, message = codes.DeadlineExceeded, l.tooSlow()
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // cannot fail for writers of net/http's server
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%d,"message":%q,"details":[]}`, code, message)
}

// statusCanceled is the gateway's status for a call whose context has ended. net/http
// ends the context of a request when it cannot read the body.
const statusCanceled = 499

// limitedWriter replaces a 400, 413 or 499 response to a failed body with writeError.
// It leaves Connect errors, such as 429 and 504, whose code says the same.
type limitedWriter struct {
	http.ResponseWriter
	body     *limitedBody
	begun    bool
	replaced bool
}

func (w *limitedWriter) WriteHeader(status int) {
	failure := w.body.failure.Load()
	isBodyError := status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == statusCanceled
	if failure != 0 && isBodyError && !w.begun {
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

// Flush implements http.Flusher, which the gateway requires.
func (w *limitedWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *limitedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
