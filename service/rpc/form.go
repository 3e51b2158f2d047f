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

// A form is how a request and its response are written.
type form struct {
	native  bool // gRPC itself, which needs trailers
	text    bool // gRPC-Web in base64
	binary  bool // the bodies are not text
	streams bool // errors are in the body too: a stream of Connect
}

func formOf(r *http.Request) form {
	contentType := strings.ToLower(r.Header.Get("Content-Type"))
	if parsed, _, err := mime.ParseMediaType(contentType); err == nil {
		contentType = parsed
	}
	is := func(kind string) bool { return contentType == kind || strings.HasPrefix(contentType, kind+"+") }
	switch {
	case r.Method == http.MethodGet:
		return form{binary: r.URL.Query().Get("encoding") == "proto"}
	case is(grpcWebText):
		return form{text: true}
	case is(grpcWeb):
		return form{binary: true}
	case is(grpcNative):
		return form{binary: true, native: true}
	}
	streams := strings.HasPrefix(contentType, "application/connect+")
	return form{binary: streams || contentType == "application/proto", streams: streams}
}

// An exchange is a request and where its response goes, as connecthttp gets
// them.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	form form

	buffered bool // the whole request is in memory
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}
