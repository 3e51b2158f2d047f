// Package rpc serves gRPC services to clients that use Connect or gRPC-Web
// over HTTP/1.1 or HTTP/2, such as browsers, mobile apps and curl. Over
// HTTP/2 it also serves native gRPC.
//
// It calls the services through a [grpc.ClientConnInterface] and needs no
// generated code. Binary messages are passed on unchanged. JSON messages are
// converted with the linked Go types, or else with the descriptors of the
// messages.
//
// The package supports Connect unary calls (POST and GET), all kinds of
// streams, and the binary and text formats of gRPC-Web. Over HTTP/1.1 a
// bidirectional stream is half duplex: the request is read to its end before
// the call begins. Responses are not compressed.
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

// A Config configures a [Handler]. The zero value is ready to use. Its
// functions must be safe for concurrent use.
type Config struct {
	// RequestHeader returns the metadata key for a request header, given its
	// canonical name, and whether the header is passed to the services. If
	// RequestHeader is nil, all headers are passed except those of HTTP and
	// of the protocols.
	RequestHeader func(name string) (key string, ok bool)

	// Metadata returns additional metadata for the services. It replaces
	// headers with the same key.
	Metadata func(*http.Request) metadata.MD

	// ResponseHeader returns the name of the response header or trailer for a
	// key of header or trailer metadata, and whether it is passed to the
	// client. If ResponseHeader is nil, all keys are passed except those of
	// HTTP and of the protocols.
	ResponseHeader func(key string) (name string, ok bool)

	// Status returns the status that the client gets for an error of method.
	// If Status is nil, clients get every error unchanged.
	Status func(ctx context.Context, method string, err error) *status.Status

	// MaxRequestBytes bounds each request message, uncompressed. Zero means 4
	// MiB, as in gRPC. A bidirectional stream over HTTP/1.1 is bounded as a
	// whole, by MaxRequestBytes or 16 MiB, whichever is more.
	MaxRequestBytes int

	// MaxResponseBytes returns the maximum size of a response body in bytes,
	// or 0 for no limit. A larger response becomes a ResourceExhausted error.
	// The size is that of a JSON string that holds the body: text with quotes
	// escaped, everything else in base64.
	MaxResponseBytes func(context.Context) int

	// RefuseBinary returns an error if the path between the client and the
	// handler would corrupt binary bodies. The client gets the text of the
	// error. If RefuseBinary is nil, binary bodies are served.
	RefuseBinary func(*http.Request) error

	// Descriptors contains the descriptors of the services. Nil means
	// [protoregistry.GlobalFiles]. A service without a descriptor is served
	// in binary formats only, and not by GET.
	Descriptors *protoregistry.Files
}

// defaultMaxRequestBytes is the default of grpc-go.
const defaultMaxRequestBytes = 4 << 20

// A Handler serves the methods of gRPC services at /package.Service/Method.
// It is safe for concurrent use.
type Handler struct {
	config   Config
	cc       grpc.ClientConnInterface
	services map[string]grpc.ServiceInfo
	routes   func() routes // made at the first call, since it reads the descriptors
	errors   *connecthttp.ErrorWriter
}

// routes maps paths to handlers: the path of each method, and the path of
// each service up to the last slash, for methods that do not exist.
type routes map[string]route

type route struct {
	http.Handler
	bidi bool // the stream is bidirectional
}

// Handle implements connecthttp.ServeMux.
func (r routes) Handle(pattern string, h http.Handler) {
	entry := r[pattern]
	entry.Handler = h
	r[pattern] = entry
}

// NewHandler returns a Handler that calls services through cc. services has
// the form that [grpc.Server.GetServiceInfo] returns.
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
		if strings.HasSuffix(path, "/") { // an unknown method may be of any kind
			r.bidi = true
			all[path] = r
		}
	}
	return all
}

// neverCompress exceeds the size of any message. Compression costs more time
// than it saves within one function, and some HTTP front ends cannot pass on
// compressed responses.
const neverCompress = 1<<31 - 1

// Serves reports whether path belongs to one of the Handler's services, even
// if the method does not exist.
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

// ServeHTTP implements [http.Handler]. A request that is not an RPC gets a
// plain-text response with status 404, 405 or 415.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.Serves(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	route := h.route(r.URL.Path)
	f := formatOf(r)
	if f.native && r.ProtoMajor < 2 {
		http.Error(w, "gRPC needs HTTP/2 from the client to the server; use gRPC-Web or Connect", http.StatusUnsupportedMediaType)
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
		// connecthttp serves such a stream over HTTP/2 only, for clients that
		// receive before they have sent everything. Without full duplex, the
		// whole request must be read first.
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

// minBufferedRequest is the smallest limit for the messages of a request that
// is read before it is served.
const minBufferedRequest = 16 << 20

// refuse sends an error for a request that cannot have binary bodies. It uses
// the error format of the request's protocol if that is text. A gRPC-Web
// status goes in the header.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, f format, err error) {
	if f.streams {
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
		return
	}
	_ = h.errors.Write(w, r, connect.NewError(connect.CodeUnimplemented, err.Error()))
}

// plainErrors adds a body to the responses that connecthttp leaves empty,
// since some HTTP front ends declare a response without a content type as
// JSON.
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

// Unwrap implements the interface that [http.ResponseController] looks for.
func (w *plainErrors) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// buffer reads the body of r into memory.
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

// RequestHeaders returns the request headers of the protocols that a browser
// sends across origins, for Access-Control-Allow-Headers. Add the headers
// that carry metadata.
func RequestHeaders() []string {
	return []string{
		"Content-Type", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Connect-Content-Encoding",
		"Content-Encoding", "Grpc-Encoding", "Grpc-Timeout", "X-Grpc-Web", "X-User-Agent",
	}
}

// ResponseHeaders returns the response headers that a client in a browser
// must see across origins, for Access-Control-Expose-Headers. metadata lists
// the headers that carry metadata; the result also has the prefixed names
// that Connect uses for trailers.
func ResponseHeaders(metadata ...string) []string {
	names := slices.Clone(metadata)
	for _, name := range metadata {
		names = append(names, "Trailer-"+name)
	}
	return append(names, "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Connect-Content-Encoding", "Grpc-Encoding", "Content-Encoding")
}
