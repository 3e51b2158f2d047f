package page

import (
	"errors"
	"net/http"

	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
)

// A response is a ResponseWriter that keeps the beginning of a handler's response.
type response struct {
	header http.Header
	status int
	body   record.Body
	whole  bool // the handler did not abort it
}

// serve calls h. If h aborts its response, w has what h wrote before.
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
