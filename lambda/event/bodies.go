package event

import (
	"context"
	"errors"
)

// carried is what the context of a request carries.
type carried struct {
	*Info
	textBody bool // the source does not carry binary bodies
	limit    int  // in bytes, of the encoded response; 0 is none
}

// headRoom is how much of a response's limit is left to its status and headers.
const headRoom = 64 << 10

// MaxResponseBytes returns how many bytes the body of the response to the
// request with ctx may have, as a JSON string holds it: text with its quotes
// escaped, and other bytes in base64. It returns 0 if there is no limit: in a
// streamed response, or outside of a Lambda invocation.
func MaxResponseBytes(ctx context.Context) int {
	c, ok := ctx.Value(infoKey{}).(*carried)
	if !ok || c.limit == 0 {
		return 0
	}
	return c.limit - headRoom
}

// BinaryRefused returns an error if the request with ctx came through a REST
// API that passes bodies on as text, which destroys what is not UTF-8 in both
// directions. It can only tell that from a request that has a body.
func BinaryRefused(ctx context.Context) error {
	if c, ok := ctx.Value(infoKey{}).(*carried); ok && c.textBody {
		return errors.New("this REST API passes on text only: add */* to its binaryMediaTypes, or use JSON or grpc-web-text")
	}
	return nil
}
