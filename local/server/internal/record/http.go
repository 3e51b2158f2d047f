package record

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// Handler returns a handler that records the calls of next, except health checks.
func (r *Recorder) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		path := strings.TrimPrefix(req.URL.Path, r.prefix)
		if path == "/healthz" || strings.HasPrefix(path, healthPrefix) {
			next.ServeHTTP(w, req)
			return
		}
		c := r.beginHTTP(req)
		x := &exchange{context: requestContext{req.Context(), c}, writer: writer{ResponseWriter: w, call: c}}
		req = req.WithContext(&x.context) // a copy
		if req.Body != nil && req.Body != http.NoBody {
			x.body = body{req.Body, c}
			req.Body = &x.body
		}
		defer x.writer.end()
		next.ServeHTTP(&x.writer, req)
		x.writer.returned = true
	})
}

func (r *Recorder) beginHTTP(req *http.Request) recording {
	target := req.RequestURI // what the client wrote
	if !strings.HasPrefix(target, "/") {
		target = req.URL.RequestURI()
	}
	return r.begin(func(e *entry) {
		e.http, e.protocol = true, protocol(req.Header.Get("Content-Type"))
		e.log = e.log.append(partVerb, req.Method).append(partTarget, target).append(partHost, req.Host).
			append(partProto, req.Proto).append(partClient, req.RemoteAddr).appendHeader(partRequestHeader, req.Header)
	})
}

// protocol returns REST for Connect too: they differ only in the path.
func protocol(contentType string) Protocol {
	switch {
	case strings.HasPrefix(contentType, "application/grpc-web"):
		return GRPCWeb
	case strings.HasPrefix(contentType, "application/grpc"):
		return GRPC
	default:
		return REST
	}
}

// An exchange has all the state of a request, so that it takes one allocation.
type exchange struct {
	context requestContext
	writer  writer
	body    body
}

// requestContext is a context that has the recording of its request.
type requestContext struct {
	context.Context
	call recording
}

// key is the context key of the recording of an HTTP request.
type key struct{}

func (c *requestContext) Value(k any) any {
	if k == (key{}) {
		return &c.call
	}
	return c.Context.Value(k)
}

// body records what is read from the body of a request.
type body struct {
	io.ReadCloser
	call recording
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.call.update(func(e *entry) { e.keep(partRequestBody, &e.requestSize, p[:n]) })
	}
	return n, err
}

// writer records the response.
type writer struct {
	http.ResponseWriter
	call      recording
	status    int
	names     int  // how many the header had when the response began
	announced bool // the header announced trailers
	returned  bool // the handler returned; otherwise it panicked
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) begin(status int) {
	header := w.Header()
	w.status, w.names, w.announced = status, len(header), header["Trailer"] != nil
	w.call.update(func(e *entry) {
		e.statusCode = status
		e.log = e.log.appendHeader(partResponseHeader, header)
	})
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.call.update(func(e *entry) { e.keep(partResponseBody, &e.responseSize, p[:n]) })
	return n, err
}

// Flush implements http.Flusher, which the gateway requires.
func (w *writer) Flush() {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// end ends the call.
func (w *writer) end() {
	if w.status == 0 && w.returned {
		w.begin(http.StatusOK)
	}
	header := w.Header()
	w.call.update(func(e *entry) {
		if w.announced || len(header) > w.names && w.status != 0 && hasTrailers(header) {
			e.log = e.log.appendHeader(partResponseTrailer, header)
		}
		e.returned = w.returned
		e.end()
	})
}

func hasTrailers(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}
