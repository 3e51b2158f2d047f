package event

import (
	"context"
	"errors"
)

// carried is the value that the context of a request carries.
type carried struct {
	*Info
	textBody bool // the source does not carry binary bodies
	limit    int  // of the encoded response in bytes; 0 for none
}

// headRoom is the part of a response's limit that is kept for its status and
// headers, in bytes.
const headRoom = 64 << 10

// MaxResponseBytes returns the maximum size of the response's body in bytes, as
// encoded in a JSON string: quotes in text are escaped, and binary data is in
// base64. It returns 0 if there is no limit, which is so in a streamed response
// and outside a Lambda invocation. ctx is the request's context or derives from
// it.
func MaxResponseBytes(ctx context.Context) int {
	c, ok := ctx.Value(infoKey{}).(*carried)
	if !ok || c.limit == 0 {
		return 0
	}
	return c.limit - headRoom
}

// BinaryRefused returns an error if the request with ctx came through a REST
// API that passes bodies on as text. Such an API destroys bytes that are not
// UTF-8, in both directions. Only a request with a body shows this; for all
// others BinaryRefused returns nil.
func BinaryRefused(ctx context.Context) error {
	if c, ok := ctx.Value(infoKey{}).(*carried); ok && c.textBody {
		return errors.New("this REST API passes on text only: add */* to its binaryMediaTypes, or use JSON or grpc-web-text")
	}
	return nil
}
