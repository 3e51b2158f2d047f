package service

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// grpc-go closes the whole HTTP/2 connection, with every call on it, when a
// header list or one of its fields is much larger than the receiver's limit
// (readMetaFrame in golang.org/x/net/http2). That limit is 16 MiB by default
// and 1 MiB on this project's transports. The limits below are far smaller,
// so that only the call that exceeds one fails or has its status cut. All are
// sizes on the wire, in bytes.
const (
	// maxStatusMessage bounds the message of a status after percent-encoding,
	// which turns one byte into at most nine.
	maxStatusMessage = 8 << 10

	// maxStatusDetails bounds a status including its details, in base64.
	maxStatusDetails = 64 << 10

	// maxResponseMetadata bounds the header, and separately the trailer, that
	// a handler sets. RFC 9113, section 6.5.2 defines the size of a header
	// list.
	maxResponseMetadata = 64 << 10

	// maxRequestMetadata bounds the metadata of a request through the
	// gateway, counted the same way. It exceeds the limit of every event
	// source: API Gateway allows 10,240 bytes, an Application Load Balancer
	// 64 KiB.
	maxRequestMetadata = 256 << 10

	// maxHeaderListSize is the limit that ServeGRPC announces to clients.
	maxHeaderListSize = 1 << 20

	// maxLogText bounds text from a client in the log.
	maxLogText = 4 << 10

	// maxRequestID bounds the X-Request-Id of a client, in logs and metadata.
	maxRequestID = 128
)

var errRequestMetadata error = httpStatusError{
	status.New(codes.ResourceExhausted, fmt.Sprintf("the request's headers are larger than %d bytes", maxRequestMetadata)),
	http.StatusRequestHeaderFieldsTooLarge,
}

// httpStatusError is a gRPC status for which the gateway sends a specific
// HTTP status.
type httpStatusError struct {
	status *status.Status
	code   int
}

func (e httpStatusError) Error() string              { return e.status.String() }
func (e httpStatusError) GRPCStatus() *status.Status { return e.status }

// As implements the interface that errors.As looks for.
func (e httpStatusError) As(target any) bool {
	t, ok := target.(**runtime.HTTPStatusError)
	if ok {
		*t = &runtime.HTTPStatusError{HTTPStatus: e.code, Err: e.status.Err()}
	}
	return ok
}

// boundStatus returns err, or as much of its status as can be sent if the
// status is too large. It returns a context's error as a status.
func boundStatus(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err) // as grpc-go does
		if s.Code() != codes.Unknown {
			err = s.Err()
		}
	}
	message, cut := boundMessage(s.Message())
	p := s.Proto()
	if !cut && len(p.GetDetails()) == 0 {
		return err
	}
	p.Message = message
	if size := base64.RawStdEncoding.EncodedLen(proto.Size(p)); len(p.GetDetails()) > 0 && size > maxStatusDetails {
		p.Details = nil
		p.Message, _ = boundMessage(fmt.Sprintf("(details of %d bytes dropped, at most %d can be sent) %s", size, maxStatusDetails, p.GetMessage()))
	} else if !cut {
		return err
	}
	return status.ErrorProto(p)
}

// boundMessage cuts s at the end of a rune if its percent-encoded form
// exceeds maxStatusMessage, and notes in the message that it was cut.
func boundMessage(s string) (string, bool) {
	if len(s) <= maxStatusMessage/9 {
		return s, false
	}
	const room = len("... (cut, 9223372036854775807 bytes)")
	size, end := 0, 0
	for i := 0; i < len(s); {
		n, width := encodedRune(s[i:])
		size += n
		if size > maxStatusMessage {
			return fmt.Sprintf("%s... (cut, %d bytes)", s[:end], len(s)), true
		}
		i += width
		if size <= maxStatusMessage-room {
			end = i
		}
	}
	return s, false
}

// encodedRune returns how many bytes grpc-go sends for the first rune of s,
// and the width of that rune in s: see encodeGrpcMessage in grpc-go's
// internal/transport.
func encodedRune(s string) (encoded, width int) {
	r, width := utf8.DecodeRuneInString(s)
	switch {
	case r >= ' ' && r <= '~' && r != '%':
		return 1, 1
	case r == utf8.RuneError && width == 1:
		return 3 * len(string(utf8.RuneError)), 1
	default:
		return 3 * width, width
	}
}

// headerListSize returns the size of md as defined in RFC 9113, section
// 6.5.2.
func headerListSize(md metadata.MD) (size int) {
	for key, values := range md {
		for _, v := range values {
			size += fieldSize(key, v)
		}
	}
	return size
}

// fieldSize returns the size of one field of a header list.
func fieldSize(key, value string) int {
	n := len(value)
	if strings.HasSuffix(key, "-bin") {
		n = base64.RawStdEncoding.EncodedLen(n)
	}
	return len(key) + n + 32
}

// boundedStream limits the metadata that a handler sends. grpc.SetHeader and
// similar functions find it in the handler's context.
type boundedStream struct {
	grpc.ServerTransportStream

	mu              sync.Mutex
	header, trailer int
	err             error // of the last metadata that was refused
}

func (s *boundedStream) SetHeader(md metadata.MD) error {
	if err := s.add(&s.header, "header", md); err != nil {
		return err
	}
	return s.ServerTransportStream.SetHeader(md)
}

func (s *boundedStream) SendHeader(md metadata.MD) error {
	if err := s.add(&s.header, "header", md); err != nil {
		return err
	}
	return s.ServerTransportStream.SendHeader(md)
}

func (s *boundedStream) SetTrailer(md metadata.MD) error {
	if err := s.add(&s.trailer, "trailer", md); err != nil {
		return err
	}
	return s.ServerTransportStream.SetTrailer(md)
}

func (s *boundedStream) add(total *int, name string, md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := *total + headerListSize(md)
	if size > maxResponseMetadata {
		s.err = status.Errorf(codes.Internal, "the handler set %s metadata of %d bytes, at most %d can be sent", name, size, maxResponseMetadata)
		return s.err
	}
	*total = size
	return nil
}

// refused returns the error of metadata that was refused, or nil.
func (s *boundedStream) refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// bounded returns the beginning of s for the log, cut at the end of a rune.
func bounded(s string) string { return cut(s, maxLogText) }

func cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

// boundRequestID returns the part of a client's request id that is logged and
// passed on: printable ASCII, at most maxRequestID bytes.
func boundRequestID(id string) string {
	id = cut(id, maxRequestID)
	if printableASCII(id) {
		return id
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, id)
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// printableASCII reports whether s can be the value of a metadata key that
// does not end in -bin.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// validKey reports whether key can be a metadata key.
func validKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return key != ""
}
