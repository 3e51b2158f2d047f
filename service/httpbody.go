package service

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
)

// A responseWriter receives the responses of the gateway's handlers. A
// google.api.HttpBody bypasses the mux and its marshalers; whatever the mux
// then writes is dropped. If the request's body is over its limit, every
// error has the status 413, for which there is no gRPC code.
type responseWriter struct {
	http.ResponseWriter
	call  *call
	wrote bool // an HttpBody was written
}

// writeResponses gives each response a responseWriter. It must be the last
// middleware.
func writeResponses(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, pathParams map[string]string) {
		call := callOf(r.Context())
		if call == nil {
			call = noCall()
		}
		response := &responseWriter{ResponseWriter: w, call: call}
		next(response, r, pathParams)
		if response.wrote && call.serverStream && !call.ended {
			call.broken = true
		}
	}
}

// httpBodyType is a forward-response option that sets the content type of an
// HttpBody. It must come before any option that can write the header.
func httpBodyType(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	if body := httpBodyOf(m); body != nil {
		contentType := body.GetContentType()
		if contentType == "" {
			contentType = "application/octet-stream"
		}
		w.Header().Set("Content-Type", contentType)
	}
	return nil
}

// writeHTTPBody is a forward-response option that writes an HttpBody. It must
// come after any option that can change the header.
func writeHTTPBody(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	body := httpBodyOf(m)
	response, ok := w.(*responseWriter)
	if body == nil || !ok {
		return nil
	}
	response.wrote = true
	_, err := response.ResponseWriter.Write(body.GetData())
	return err
}

// httpBodyOf returns m if it is an HttpBody, the HttpBody in the
// response_body field of m, or nil.
func httpBodyOf(m proto.Message) *httpbody.HttpBody {
	var v any = m
	if field, ok := v.(interface{ XXX_ResponseBody() any }); ok {
		v = field.XXX_ResponseBody()
	}
	body, _ := v.(*httpbody.HttpBody)
	return body
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.wrote {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

func (w *responseWriter) WriteHeader(status int) {
	if w.wrote {
		return
	}
	if status >= http.StatusBadRequest && w.call.tooLarge.Load() != nil {
		status = http.StatusRequestEntityTooLarge
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError implements the interface that http.ResponseController looks for.
func (w *responseWriter) FlushError() error {
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap implements the interface that http.ResponseController looks for.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
