package emulator

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
)

// A Request is an event with the metadata that Lambda passes along with it.
type Request struct {
	// Payload is the event, which is JSON for most functions. The emulator does
	// not modify it, and does not use it after the invocation has ended.
	Payload []byte
	// TraceID is the X-Ray trace header. If it is empty, a new one is made.
	TraceID string
	// TenantID is set for functions with tenant isolation.
	TenantID string
	// ClientContext and CognitoIdentity are JSON documents that the mobile
	// SDKs send.
	ClientContext, CognitoIdentity string
}

// A Response is a buffered response of a function.
type Response struct {
	// RequestID identifies the invocation.
	RequestID string
	// ContentType is the type that the function's runtime sent, such as
	// "application/json".
	ContentType string
	// Payload has at most [MaxResponseBytes]. It belongs to the caller.
	Payload []byte
}

// A Stream is a response that can be read while the function still writes it.
type Stream struct {
	RequestID   string
	ContentType string

	// Prelude is the JSON document with status and headers that precedes the
	// body if ContentType is [StreamContentType]. It is nil for any other type,
	// and if the response has no delimiter.
	Prelude []byte

	// Body is the rest of the response. Reading it ends with io.EOF, or with a
	// [FunctionError] if the function fails, times out or exits before the end.
	// The caller closes it. The invocation then continues, as on Lambda, and
	// its further output is discarded.
	Body io.ReadCloser
}

// invocation is one event and its result. The mutex of the process that takes it
// guards the fields from deadline on.
type invocation struct {
	id        string
	request   Request
	streaming bool
	result    chan result // buffered; gets one value
	abandoned atomic.Bool

	deadline   time.Time
	timer      *time.Timer
	responding bool           // the function has begun to post its response
	finished   bool           // the result has been delivered
	pipe       *io.PipeWriter // of a streamed response that has begun
}

// result is the outcome of an invocation. retry says that the process stopped
// before it received the event.
type result struct {
	response Response
	stream   *Stream
	err      error
	retry    bool
}

func newInvocation(r Request, streaming bool) *invocation {
	if r.TraceID == "" {
		r.TraceID = awsid.TraceID(time.Now())
	}
	return &invocation{id: awsid.UUID(), request: r, streaming: streaming, result: make(chan result, 1)}
}

// wait returns the result. If ctx ends first, it returns the cause of ctx; the
// function continues and its response is discarded.
func (inv *invocation) wait(ctx context.Context) result {
	select {
	case r := <-inv.result:
		return r
	case <-ctx.Done():
	}
	inv.abandoned.Store(true)
	inv.dropAbandoned()
	return result{err: context.Cause(ctx)}
}

// dropAbandoned closes the stream of an invocation whose caller no longer waits.
// Both wait and give call it, since either may happen last.
func (inv *invocation) dropAbandoned() {
	if !inv.abandoned.Load() {
		return
	}
	select {
	case r := <-inv.result:
		if r.stream != nil {
			_ = r.stream.Body.Close() // closing a pipe cannot fail
		}
	default:
	}
}

// give delivers the result. It is called once.
func (inv *invocation) give(r result) {
	inv.result <- r
	inv.dropAbandoned()
}

// finish delivers the result, or ends a stream that has begun with the result's
// error. Later calls do nothing. The process's mutex is held.
func (inv *invocation) finish(r result) {
	if inv.finished {
		return
	}
	inv.finished = true
	if inv.pipe == nil {
		inv.give(r)
		return
	}
	_ = inv.pipe.CloseWithError(r.err) // always nil; a nil error is io.EOF
}
