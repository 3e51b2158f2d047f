package page

import (
	"errors"
	"net/http"

	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/record"
)

// A response keeps the beginning of what a handler answers.
type response struct {
	header http.Header
	status int
	body   record.Body
	whole  bool // the handler did not break it off
}

// serve calls h. A handler that breaks its answer off leaves what it had sent.
func (w *response) serve(h http.Handler, r *http.Request) {
	defer func() {
		v := recover()
		if err, ok := v.(error); v != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
			panic(v)
		}
	}()
	h.ServeHTTP(w, r)
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.whole = true
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.body.Keep(p)
	return len(p), nil
}

// Flush implements http.Flusher.
func (w *response) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}
