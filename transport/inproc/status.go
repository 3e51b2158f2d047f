package inproc

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

var (
	errStopping    = status.Error(codes.Unavailable, "inproc: the server is stopping or has stopped")
	errStopped     = status.Error(codes.Unavailable, "inproc: the server was stopped")
	errConnClosed  = status.Error(codes.Canceled, "grpc: the client connection is closing")
	errHeaderSent  = status.Error(codes.Internal, "transport: SendHeader called multiple times")
	errNoResponse  = status.Error(codes.Internal, "cardinality violation: received no response message from non-server-streaming RPC")
	errNoRequest   = status.Error(codes.Internal, "cardinality violation: received no request message from non-client-streaming RPC")
	errTwoRequests = status.Error(codes.Internal, "cardinality violation: received multiple request messages for non-client-streaming RPC")
	errTwoReplies  = status.Error(codes.Internal, "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message")
	errAfterClose  = status.Error(codes.Internal, "SendMsg called after CloseSend")
	errExited      = status.Error(codes.Internal, "inproc: the handler's goroutine ended without returning")
)

// contextError returns the status for the error of an ended context.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return status.Error(codes.DeadlineExceeded, context.DeadlineExceeded.Error())
	}
	return status.Error(codes.Canceled, context.Canceled.Error())
}

// endedError returns the status for ctx if it has ended or its deadline has
// passed, and nil otherwise.
func endedError(ctx context.Context, deadline time.Time) error {
	if err := ctx.Err(); err != nil {
		return contextError(err)
	}
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		return contextError(context.DeadlineExceeded)
	}
	return nil
}

// contextEnd returns the error with which a handler's context ends when its
// client has ended the call because of err.
func contextEnd(err error) error {
	if status.Code(err) == codes.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// sentStatus returns the status for a handler's error, nil for OK.
func sentStatus(err error) *status.Status {
	if err == nil {
		return nil
	}
	if st, ok := status.FromError(err); ok {
		return st
	}
	return status.FromContextError(err)
}

// statusError returns err if it has a status or is io.EOF, and otherwise a
// status error for it.
func statusError(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // wrapped, it is an error like others
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return sentStatus(err).Err()
}

// receivedStatus returns the status that a client receives for st, and
// changes trailer accordingly. A status is sent as a code, a message in
// UTF-8, and details as an encoded google.rpc.Status in the trailer, where an
// application may also put one. See writeStatus in grpc-go's http2_server.go
// and NewWithProto in its internal/status.
func receivedStatus(st *status.Status, trailer metadata.MD) *status.Status {
	if st != nil {
		if p := st.Proto(); len(p.GetDetails()) > 0 {
			delete(trailer, statusDetailsKey)
			if data, err := proto.Marshal(p); err == nil {
				trailer[statusDetailsKey] = []string{string(data)}
			}
		}
	}
	code := st.Code()
	// A code must fit in 32 bits. A malformed one ends the parsing.
	if _, err := strconv.ParseInt(strconv.Itoa(int(code)), 10, 32); err != nil {
		clear(trailer)
		return status.Newf(codes.Unknown, "transport: malformed grpc-status: %v", err)
	}
	message := string([]rune(st.Message())) // replaces each invalid byte
	details := new(spb.Status)
	if encoded := trailer[statusDetailsKey]; len(encoded) != 1 || proto.Unmarshal([]byte(encoded[0]), details) != nil {
		return status.New(code, message)
	}
	if details.GetCode() != int32(code) {
		return status.Newf(codes.Internal,
			"grpc-status-details-bin mismatch: grpc-status=%v, grpc-message=%q, grpc-status-details-bin=%+v",
			code, message, details)
	}
	return status.FromProto(details)
}
