package event

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// This file is all that has to do with aws-lambda-go-api-proxy.
// docs/decisions/api-proxy.md says what is taken from it and why no more.

// apiProxyPrefix is what the headers begin with in which its accessors expect
// the event's context: [core.APIGwContextHeader] and its like. No client may
// send one, so that a handler that still reads them is not deceived.
const apiProxyPrefix = "x-golambdaproxy-"

// normalBasePath returns path as its adapters understand one: with a slash in
// front and none behind, and empty for none.
func normalBasePath(path string) string {
	var accessor core.RequestAccessor
	return accessor.StripBasePath(path)
}

// bufferedBody collects the body of a buffered answer and decides how an event
// can carry it. Status and headers are the responseWriter's affair.
type bufferedBody struct{ response *core.ProxyResponseWriter }

func newBufferedBody() bufferedBody {
	response := core.NewProxyResponseWriter()
	response.Header()["Content-Type"] = []string{"?"} // or it looks for one
	response.WriteHeader(200)                         // or it is an error to write nothing
	return bufferedBody{response}
}

func (b bufferedBody) Write(p []byte) (int, error) { return b.response.Write(p) }

func (b bufferedBody) flush() error { return nil }

// appendTo appends the members body and isBase64Encoded. The body is text if it
// is valid UTF-8 and not compressed or the like, and base64 otherwise.
func (b bufferedBody) appendTo(dst []byte, encoded bool) ([]byte, error) {
	response, err := b.response.GetProxyResponse()
	if err != nil {
		return dst, err
	}
	dst = append(dst, `"body":`...)
	switch {
	case response.IsBase64Encoded:
		dst = slices.Grow(dst, len(response.Body)+32)
		dst = append(dst, '"')
		dst = append(dst, response.Body...)
		dst = append(dst, `","isBase64Encoded":true`...)
	case encoded && response.Body != "":
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, []byte(response.Body))
		dst = append(dst, `","isBase64Encoded":true`...)
	default:
		escapes := strings.Count(response.Body, `"`) + strings.Count(response.Body, `\`) + strings.Count(response.Body, "\n")
		dst = slices.Grow(dst, len(response.Body)+escapes+32)
		dst = appendQuoted(dst, response.Body, false)
		dst = append(dst, `,"isBase64Encoded":false`...)
	}
	return dst, nil
}
