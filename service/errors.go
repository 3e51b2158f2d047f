package service

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// writeError answers an error in the gateway's own form, a google.rpc.Status
// as JSON, without what the client should not see.
func (c *config) writeError(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	var withHTTPStatus *runtime.HTTPStatusError
	if errors.As(err, &withHTTPStatus) {
		err = &runtime.HTTPStatusError{
			HTTPStatus: withHTTPStatus.HTTPStatus,
			Err:        c.public(ctx, withHTTPStatus.Err).Err(),
		}
	} else {
		err = c.public(ctx, err).Err()
	}
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
}

// streamError is writeError for an error after the first message.
func (c *config) streamError(ctx context.Context, err error) *status.Status {
	return c.public(ctx, err)
}

// public returns of err what a client may see. Messages of Internal, Unknown
// and DataLoss errors are written for the operator, and may hold anything:
// they go to the log, and only there.
func (c *config) public(ctx context.Context, err error) *status.Status {
	method, _ := runtime.RPCMethod(ctx)
	return c.publicOf(ctx, method, err)
}

// publicOf is public for the error of a method.
func (c *config) publicOf(ctx context.Context, method string, err error) *status.Status {
	s := status.Convert(err)
	switch s.Code() {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		c.logger.ErrorContext(ctx, "error message withheld from the client",
			"grpc.method", method, "grpc.code", s.Code().String(), "grpc.error", s.Message())
		return status.New(s.Code(), "the server failed to answer: "+s.Code().String())
	case codes.Unauthenticated:
		// The gateway copies the message into the WWW-Authenticate header.
		return status.New(s.Code(), strings.Map(printable, s.Message()))
	}
	return s
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
