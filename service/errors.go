package service

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A sanitizedError contains nothing that clients must not see.
type sanitizedError struct{ *status.Status }

// Error implements error.
func (e sanitizedError) Error() string { return e.String() }

// GRPCStatus implements the interface that package status looks for.
func (e sanitizedError) GRPCStatus() *status.Status { return e.Status }

// sanitize returns err without what clients must not see, and logs what it
// withholds.
func (c *config) sanitize(ctx context.Context, method string, err error) error {
	if _, ok := errors.AsType[sanitizedError](err); ok {
		return err
	}
	s := status.Convert(err)
	if made := (*transportError)(nil); errors.As(err, &made) {
		if ctx.Err() == nil { // otherwise the client ended the call
			c.logger.Log(ctx, level(s.Code()), "error message withheld from the client",
				"grpc.method", bounded(method), "grpc.code", s.Code().String(), "grpc.error", bounded(made.cause.Error()))
		}
		return sanitizedError{s}
	}
	masked, withheld := mask(s)
	if withheld {
		c.logger.ErrorContext(ctx, "error message withheld from the client",
			"grpc.method", method, "grpc.code", s.Code().String(), "grpc.error", bounded(s.Message()))
	}
	return sanitizedError{masked}
}

// mask returns s without what clients must not see, and whether that is its
// message. The messages of Internal, Unknown and DataLoss errors are for the
// operator and may hold anything. A code that gRPC does not define becomes
// Unknown.
func mask(s *status.Status) (masked *status.Status, withheld bool) {
	code := s.Code()
	if undefined(code) {
		code = codes.Unknown
	}
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return status.New(code, "the server failed to answer: "+code.String()), true
	case codes.Unauthenticated:
		// The gateway copies the message into the WWW-Authenticate header.
		p := s.Proto()
		p.Message = strings.Map(printable, p.GetMessage())
		return status.FromProto(p), false
	}
	return s, false
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// sanitizeGatewayError is sanitize for errors of the mux, of the options that
// it was given, and of the connection below it.
func (c *config) sanitizeGatewayError(ctx context.Context, err error) error {
	if call := callOf(ctx); call != nil {
		if tooLarge := call.tooLargeErr(); tooLarge != nil {
			return tooLarge
		}
	}
	method, _ := runtime.RPCMethod(ctx)
	var withHTTPStatus *runtime.HTTPStatusError
	if !errors.As(err, &withHTTPStatus) {
		return c.sanitize(ctx, method, err)
	}
	err = withHTTPStatus.Err
	if malformed, ok := errors.AsType[runtime.MalformedSequenceError](err); ok {
		err = status.Error(codes.InvalidArgument, "path: "+malformed.Error())
	}
	return &runtime.HTTPStatusError{HTTPStatus: withHTTPStatus.HTTPStatus, Err: c.sanitize(ctx, method, err)}
}

// errorHandlers returns options that sanitize errors and then pass them to
// mux. By default mux writes a google.rpc.Status as JSON.
func (c *config) errorHandlers(mux *runtime.ServeMux) []runtime.ServeMuxOption {
	return []runtime.ServeMuxOption{
		runtime.WithErrorHandler(func(ctx context.Context, _ *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
			runtime.HTTPError(ctx, mux, m, w, r, c.sanitizeGatewayError(ctx, err))
		}),
		runtime.WithStreamErrorHandler(func(ctx context.Context, err error) *status.Status {
			err = c.sanitizeGatewayError(ctx, err)
			sent := statusRecorder{status: status.Convert(err)}
			runtime.HTTPStreamError(ctx, mux, &sent, discard{}, nil, err)
			return sent.status
		}),
	}
}

// A statusRecorder records the status that a mux sends for an error within a
// stream. It acts as the marshaler of that status.
type statusRecorder struct {
	runtime.Marshaler
	status *status.Status
}

// Marshal implements runtime.Marshaler.
func (s *statusRecorder) Marshal(v any) ([]byte, error) {
	if chunk, ok := v.(map[string]proto.Message); ok {
		if st, ok := chunk["error"].(*spb.Status); ok {
			s.status = status.FromProto(st)
		}
	}
	return nil, nil
}
