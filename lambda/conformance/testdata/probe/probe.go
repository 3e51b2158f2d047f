// Package probe has the handlers that the conformance tests put behind each
// front door: an http.Handler that shows what it got and answers in many ways,
// and gRPC services that do the same.
package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// Header is the name of the request header that selects the response: one of
// [Responses] or one of the names in ServeHTTP. Without it the response is [Seen].
const Header = "X-Probe"

// Seen is a request as a handler saw it.
type Seen struct {
	Method, Path, EscapedPath, RequestURI, RawQuery string
	Host, RemoteAddr, Proto                         string
	TLS                                             bool
	Header                                          http.Header
	Body                                            []byte
	ContentLength                                   int64
	FromContext                                     bool
	Info                                            event.Info
}

// Handler answers as the header [Header] of a request asks for. It is safe for
// concurrent use.
type Handler struct {
	responses map[string]http.HandlerFunc

	mu       sync.Mutex
	meetings map[string]*meeting
}

// A meeting begins when all requests have arrived, and ends at a request to end it.
type meeting struct {
	here        int
	begun, over chan struct{}
}

// New returns a Handler.
func New() *Handler {
	return &Handler{responses: Responses(), meetings: make(map[string]*meeting)}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(Header)
	switch name {
	case "":
		show(w, r)
	case "large":
		large(w, r)
	case "meet":
		h.meet(w, r)
	case "stuck": // whatever its context says
		time.Sleep(time.Minute)
	case "a stream without end":
		streamOn(w, r)
	default:
		response, ok := h.responses[name]
		if !ok {
			http.Error(w, "there is no response "+name, http.StatusNotImplemented)
			return
		}
		response(w, r)
	}
}

func show(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	info, ok := event.FromContext(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Seen{
		Method: r.Method, Path: r.URL.Path, EscapedPath: r.URL.EscapedPath(), RequestURI: r.RequestURI, RawQuery: r.URL.RawQuery,
		Host: r.Host, RemoteAddr: r.RemoteAddr, Proto: r.Proto, TLS: r.TLS != nil,
		Header: r.Header, Body: body, ContentLength: r.ContentLength, FromContext: ok, Info: info,
	})
}

// streamOn sends one message and waits for the end of the request before the next.
func streamOn(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
	_, _ = io.WriteString(w, "{}\n")
}

// large writes as many bytes as the parameter n says, all with the value that
// the parameter byte says.
func large(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	value, _ := strconv.Atoi(r.URL.Query().Get("byte"))
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(bytes.Repeat([]byte{byte(value)}, n))
}

// meet makes requests wait until as many have arrived as the parameter n says.
// Those with the parameter panic then panic. The others wait for a request with the
// parameter end, at most for the duration in the parameter wait.
func (h *Handler) meet(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	n, _ := strconv.Atoi(q.Get("n"))
	wait, err := time.ParseDuration(q.Get("wait"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	m := h.meetings[q.Get("name")]
	if m == nil {
		m = &meeting{begun: make(chan struct{}), over: make(chan struct{})}
		h.meetings[q.Get("name")] = m
	}
	if q.Has("end") {
		close(m.over)
	} else if m.here++; m.here == n {
		close(m.begun)
	}
	h.mu.Unlock()
	if !q.Has("end") && !await(m.begun, 20*time.Second) {
		http.Error(w, "the others did not come", http.StatusServiceUnavailable)
		return
	}
	if q.Has("panic") {
		panic("on purpose")
	}
	if !await(m.over, wait) {
		http.Error(w, "it does not end", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprint(w, "met as ", q.Get("id"))
}

// await waits for c to be closed, though not for ever.
func await(c <-chan struct{}, atMost time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(atMost):
		return false
	}
}
