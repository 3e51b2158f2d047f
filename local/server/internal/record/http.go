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
		e := r.begin(req, path)
		x := &exchanging{context: requestContext{req.Context(), e}, writer: writer{ResponseWriter: w, entry: e}}
		req = req.WithContext(&x.context) // a copy
		if req.Body != nil && req.Body != http.NoBody {
			x.body = body{req.Body, e}
			req.Body = &x.body
		}
		defer x.writer.end()
		next.ServeHTTP(&x.writer, req)
		x.writer.returned = true
	})
}

func (r *Recorder) begin(req *http.Request, path string) *entry {
	e := &entry{}
	target := req.RequestURI // what the client wrote
	if !strings.HasPrefix(target, "/") {
		target = req.URL.RequestURI()
	}
	e.exchange = Exchange{
		Method: req.Method, Target: cut(target), Host: cut(req.Host), Proto: req.Proto, RemoteAddr: req.RemoteAddr,
	}
	e.exchange.Body.Data, e.exchange.Answer.Data = e.space[2][:0], e.space[3][:0]
	e.header = flatten(req.Header)
	e.call.HTTP = &e.exchange
	if r.methods[path] {
		e.call.Method = path
	}
	e.call.Protocol = protocol(req.Header.Get("Content-Type"), e.call.Method != "")
	r.add(e)
	return e
}

func protocol(contentType string, isMethod bool) Protocol {
	switch {
	case strings.HasPrefix(contentType, "application/grpc-web"):
		return GRPCWeb
	case strings.HasPrefix(contentType, "application/grpc"):
		return GRPC
	case isMethod:
		return Connect
	default:
		return REST
	}
}

// exchanging has all the state of a request, so that it takes one allocation.
type exchanging struct {
	context requestContext
	writer  writer
	body    body
}

// requestContext is a context that has the entry of its request.
type requestContext struct {
	context.Context
	entry *entry
}

func (c *requestContext) Value(k any) any {
	if k == (key{}) {
		return c.entry
	}
	return c.Context.Value(k)
}

// body records what is read from the body of a request.
type body struct {
	io.ReadCloser
	entry *entry
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.entry.mu.Lock()
		b.entry.exchange.Body.Keep(p[:n])
		b.entry.mu.Unlock()
	}
	return n, err
}

// writer records the response.
type writer struct {
	http.ResponseWriter
	entry    *entry
	status   int
	returned bool // whether the handler returned; otherwise it panicked
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.begun(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) begun(status int) {
	w.status = status
	header := flatten(w.Header())
	w.entry.update(func(c *Call) {
		c.HTTP.StatusCode, w.entry.answerHeader = status, header
	})
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.begun(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.entry.update(func(c *Call) { c.HTTP.Answer.Keep(p[:n]) })
	return n, err
}

// Flush implements http.Flusher, which the gateway requires.
func (w *writer) Flush() {
	if w.status == 0 {
		w.begun(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// end ends the call. If the RPC is not known, the code comes from the response.
func (w *writer) end() {
	if w.status == 0 && w.returned {
		w.begun(http.StatusOK)
	}
	if w.Header().Get("Trailer") != "" || hasTrailers(w.Header()) {
		header := flatten(w.Header())
		w.entry.update(func(*Call) { w.entry.answerHeader = header })
	}
	w.entry.update(func(c *Call) {
		if !w.entry.answered || !w.returned {
			c.Code, c.Status = outcome(c.HTTP, w.entry.answerHeader.header(), w.returned)
		}
	})
	w.entry.end()
}

func hasTrailers(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}
