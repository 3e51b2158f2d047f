package rpc

import (
	"context"
	"mime"
	"net/http"
	"strings"
)

const (
	grpcNative  = "application/grpc"
	grpcWeb     = "application/grpc-web"
	grpcWebText = "application/grpc-web-text"
)

// A format describes how a request and its response are encoded.
type format struct {
	native  bool // native gRPC, which needs trailers
	text    bool // gRPC-Web in base64
	binary  bool // the bodies are binary
	streams bool // a Connect stream, whose errors are in the body
}

func formatOf(r *http.Request) format {
	contentType := strings.ToLower(r.Header.Get("Content-Type"))
	if parsed, _, err := mime.ParseMediaType(contentType); err == nil {
		contentType = parsed
	}
	is := func(kind string) bool { return contentType == kind || strings.HasPrefix(contentType, kind+"+") }
	switch {
	case r.Method == http.MethodGet:
		return format{binary: r.URL.Query().Get("encoding") == "proto"}
	case is(grpcWebText):
		return format{text: true}
	case is(grpcWeb):
		return format{binary: true}
	case is(grpcNative):
		return format{binary: true, native: true}
	}
	streams := strings.HasPrefix(contentType, "application/connect+")
	return format{binary: streams || contentType == "application/proto", streams: streams}
}

// An exchange is a request and its response writer, as passed to connecthttp.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	format format

	buffered bool // the whole request is in memory
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}
