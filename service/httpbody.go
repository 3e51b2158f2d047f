package service

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
)

// A responseWriter is what the gateway's handlers write a response to. A
// google.api.HttpBody goes past the mux and its marshalers, as it is; what the
// mux then writes in its place is dropped. Any error for a body that is over its
// limit is 413, for which there is no gRPC code.
type responseWriter struct {
	http.ResponseWriter
	call  *call
	wrote bool // an HttpBody
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

// httpBodyType is an option for the mux, to come before any other that can
// write the header.
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

// writeHTTPBody is an option for the mux, to come after any other that can
// change the header.
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

// httpBodyOf returns the HttpBody that m is, or that is the field of m which
// answers the request, or nil.
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

// FlushError is what http.ResponseController looks for.
func (w *responseWriter) FlushError() error {
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is what http.ResponseController looks for.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
