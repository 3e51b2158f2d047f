// Package rpc serves gRPC services to clients that speak Connect or gRPC-Web,
// over HTTP/1.1 or HTTP/2: browsers, mobile apps, curl. Where the request comes
// over HTTP/2, native gRPC is served too.
//
// It calls the services through a [grpc.ClientConnInterface], and needs no code
// generated for it: binary messages are passed on as they are, and messages in
// JSON are converted with the types that are linked in, or else with their
// descriptors.
//
// Connect unary (POST and GET), all kinds of streams, and gRPC-Web in its binary
// and text forms are served. Over HTTP/1.1 a stream in both directions is half
// duplex: the request is read to its end before the call begins. Responses are
// not compressed.
package rpc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A Config says what a [Handler] does with requests and responses. The zero
// value is ready to use. Its functions are called from several goroutines at
// once.
type Config struct {
	// RequestHeader returns the metadata key for a request header, by its
	// canonical name, and whether it is passed to the services at all. If it is
	// nil, all headers are passed except those of HTTP and of the protocols.
	RequestHeader func(name string) (key string, ok bool)

	// Metadata returns metadata to pass to the services beside the request's
	// headers. It replaces headers that have the same key.
	Metadata func(*http.Request) metadata.MD

	// ResponseHeader returns the name of the response header or trailer for a
	// key of header or trailer metadata, and whether it is passed to the client
	// at all. If it is nil, all are passed except those of HTTP and of the
	// protocols.
	ResponseHeader func(key string) (name string, ok bool)

	// Status returns what a client may know of the error that method returned.
	// If it is nil, clients see every error as it is.
	Status func(ctx context.Context, method string, err error) *status.Status

	// MaxRequestBytes bounds each request message, uncompressed. The default is
	// 4 MiB, as in gRPC. All messages of a stream in both directions over
	// HTTP/1.1 may have that or 16 MiB together, whichever is more.
	MaxRequestBytes int

	// MaxResponseBytes returns how large the body of a response may be, where 0
	// means that there is no limit. A larger one becomes a ResourceExhausted
	// error. The body is counted as a JSON string would hold it: text with its
	// quotes escaped, and everything else in base64.
	MaxResponseBytes func(context.Context) int

	// RefuseBinary returns an error if a binary body cannot reach the handler or
	// the client of this request unharmed. The client is told so, with the
	// error's text. If it is nil, binary bodies are served.
	RefuseBinary func(*http.Request) error

	// Descriptors has the descriptors of the services. The default is
	// [protoregistry.GlobalFiles]. A service that is not there is served in
	// binary form only, and not by GET.
	Descriptors *protoregistry.Files
}

// defaultMaxRequestBytes is the limit of grpc-go.
const defaultMaxRequestBytes = 4 << 20

// A Handler serves the methods of a set of services at /package.Service/Method.
// It may be used by several goroutines at once.
type Handler struct {
	config   Config
	cc       grpc.ClientConnInterface
	services map[string]grpc.ServiceInfo
	routes   func() routes // made at the first call: it reads the descriptors
	errors   *connecthttp.ErrorWriter
}

// routes are the handlers of methods by their path, and of services by their
// path up to the last slash, for methods that do not exist.
type routes map[string]route

type route struct {
	http.Handler
	bidi bool // both sides stream
}

// Handle implements connecthttp.ServeMux.
func (r routes) Handle(pattern string, h http.Handler) {
	entry := r[pattern]
	entry.Handler = h
	r[pattern] = entry
}

// NewHandler returns a Handler that calls services through cc. The services are
// described as [grpc.Server.GetServiceInfo] does it.
func NewHandler(cc grpc.ClientConnInterface, services map[string]grpc.ServiceInfo, config Config) (*Handler, error) {
	if config.MaxRequestBytes < 0 {
		return nil, fmt.Errorf("rpc: MaxRequestBytes is %d: want 0 for the default or more", config.MaxRequestBytes)
	}
	if config.MaxRequestBytes == 0 {
		config.MaxRequestBytes = defaultMaxRequestBytes
	}
	if config.Descriptors == nil {
		config.Descriptors = protoregistry.GlobalFiles
	}
	h := &Handler{config: config, cc: cc, services: maps.Clone(services), errors: connecthttp.NewErrorWriter()}
	h.routes = sync.OnceValue(h.newRoutes)
	return h, nil
}

func (h *Handler) newRoutes() routes {
	all, server, types := routes{}, connect.NewServer(), newTypes(h.config.Descriptors)
	for name, service := range h.services {
		for _, info := range service.Methods {
			m := newMethod(types, name, info)
			m.cc, m.config = h.cc, &h.config
			server.Register(connect.Method{Spec: m.spec, Handler: m.serve})
			all[m.spec.Procedure] = route{bidi: m.spec.StreamType == connect.StreamTypeBidi}
		}
	}
	connecthttp.Mount(all, server,
		connecthttp.WithCodecs(codec{connect.CodecNameProto}, codec{connect.CodecNameJSON}),
		connecthttp.WithCompressors(newGzip(h.config.MaxRequestBytes)),
		connecthttp.WithCompressMinBytes(neverCompress),
		connecthttp.WithReadMaxBytes(h.config.MaxRequestBytes),
	)
	for path, r := range all {
		if strings.HasSuffix(path, "/") { // a method that does not exist may be one of any kind
			r.bidi = true
			all[path] = r
		}
	}
	return all
}

// neverCompress is more than any message has. A compressed response costs more
// time than it saves inside one function, and some HTTP front ends cannot carry
// one.
const neverCompress = 1<<31 - 1

// Serves reports whether path is that of a method, existing or not, of one of
// the Handler's services.
func (h *Handler) Serves(path string) bool {
	service, ok := strings.CutPrefix(path[:strings.LastIndexByte(path, '/')+1], "/")
	if !ok {
		return false
	}
	info, ok := h.services[strings.TrimSuffix(service, "/")]
	return ok && len(info.Methods) > 0
}

// route returns the route of a path that the Handler serves.
func (h *Handler) route(path string) route {
	all := h.routes()
	if r, ok := all[path]; ok {
		return r
	}
	return all[path[:strings.LastIndexByte(path, '/')+1]]
}

// ServeHTTP implements [http.Handler]. Requests that are no RPC are answered in
// plain text with status 404, 405 or 415.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.Serves(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	route := h.route(r.URL.Path)
	f := formatOf(r)
	if f.native && r.ProtoMajor < 2 {
		http.Error(w, "gRPC needs HTTP/2 all the way to the server; use gRPC-Web or Connect", http.StatusUnsupportedMediaType)
		return
	}
	if f.binary && h.config.RefuseBinary != nil {
		if err := h.config.RefuseBinary(r); err != nil {
			h.refuse(w, r, f, err)
			return
		}
	}
	x := &exchange{format: f}
	w, r = &plainErrors{ResponseWriter: w}, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)) // a copy
	if f.text {
		text := newTextWriter(w)
		defer text.end()
		w = text
		r.Header = r.Header.Clone()
		r.Header.Set("Content-Type", strings.Replace(r.Header.Get("Content-Type"), grpcWebText, grpcWeb, 1))
		r.Body = newTextReader(r.Body)
		r.ContentLength = -1
	}
	if route.bidi && r.ProtoMajor < 2 {
		// connecthttp serves such a stream over HTTP/2 only, for the sake of
		// clients that want to receive before they have sent everything. Without
		// a full duplex connection, the request must have been read by then.
		if err := buffer(r, max(h.config.MaxRequestBytes, minBufferedRequest)); err != nil {
			_ = h.errors.Write(w, r, err)
			return
		}
		r.ProtoMajor, r.ProtoMinor = 2, 0
		x.buffered = true
	}
	x.w, x.r = w, r
	route.ServeHTTP(w, r)
}

// minBufferedRequest is the least that the messages of a request which is read
// before it is served may have together.
const minBufferedRequest = 16 << 20

// refuse answers a request whose bodies cannot be binary in the form of its
// protocol, if that is text. That of gRPC-Web has its status in the header.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, f format, err error) {
	if f.streams {
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
		return
	}
	_ = h.errors.Write(w, r, connect.NewError(connect.CodeUnimplemented, err.Error()))
}

// plainErrors gives a body to the responses that connecthttp leaves empty:
// some HTTP front ends call a response without a content type JSON.
type plainErrors struct {
	http.ResponseWriter
}

// WriteHeader implements [http.ResponseWriter].
func (w *plainErrors) WriteHeader(code int) {
	header := w.Header()
	if header.Get("Content-Type") == "" {
		switch code {
		case http.StatusMethodNotAllowed:
			http.Error(w.ResponseWriter, "method not allowed; use "+header.Get("Allow"), code)
			return
		case http.StatusUnsupportedMediaType:
			http.Error(w.ResponseWriter, "unsupported content type; use one of "+header.Get("Accept-Post"), code)
			return
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

// Flush implements [http.Flusher].
func (w *plainErrors) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for [http.ResponseController].
func (w *plainErrors) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// buffer reads the request's body into memory.
func buffer(r *http.Request, limit int) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	_ = r.Body.Close()
	switch {
	case err != nil:
		return connect.NewError(connect.CodeInvalidArgument, "the request could not be read").WithCause(err)
	case len(data) > limit:
		return connect.Errorf(connect.CodeResourceExhausted, "the request is larger than %d bytes", limit)
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// RequestHeaders returns the request headers that a browser sends from another
// origin, for Access-Control-Allow-Headers, beside those that carry metadata.
func RequestHeaders() []string {
	return []string{
		"Content-Type", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Connect-Content-Encoding",
		"Content-Encoding", "Grpc-Encoding", "Grpc-Timeout", "X-Grpc-Web", "X-User-Agent",
	}
}

// ResponseHeaders returns the response headers that a browser's client has to
// see from another origin, for Access-Control-Expose-Headers. metadata are the
// names of headers that carry metadata: Connect prefixes those of trailers.
func ResponseHeaders(metadata ...string) []string {
	names := slices.Clone(metadata)
	for _, name := range metadata {
		names = append(names, "Trailer-"+name)
	}
	return append(names, "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Connect-Content-Encoding", "Grpc-Encoding", "Content-Encoding")
}
