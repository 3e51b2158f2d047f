package emulator

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
)

// A Request is an event and what Lambda passes beside it.
type Request struct {
	// Payload is the event, JSON for most functions. It is only read, and not
	// after the call that it was given to has returned with an answer.
	Payload []byte
	// TraceID is the X-Ray trace header; one is made up when it is empty.
	TraceID string
	// TenantID is set for functions with tenant isolation.
	TenantID string
	// ClientContext and CognitoIdentity are JSON documents that the mobile
	// SDKs send.
	ClientContext, CognitoIdentity string
}

// A Response is what a function answered.
type Response struct {
	// RequestID names the invocation.
	RequestID string
	// ContentType is the one that the function's runtime posted, such as
	// "application/json".
	ContentType string
	// Payload is the answer, at most [MaxResponseBytes], the caller's to keep.
	Payload []byte
}

// A Stream is an answer that can be read while the function still writes it.
type Stream struct {
	RequestID   string
	ContentType string

	// Prelude is the JSON document with status and headers that stands before
	// the body when ContentType is [StreamContentType]. It is nil for any
	// other type, and when the answer of this type had no delimiter.
	Prelude []byte

	// Body is the rest, as it comes. Reading ends with io.EOF, or with a
	// [FunctionError] when the function failed, timed out or exited on the
	// way. The caller closes it; what the function writes after that is
	// discarded while the invocation runs on, as on Lambda.
	Body io.ReadCloser
}

// invocation is one event on its way through a process. The fields below
// result belong to the process that took it, under its mutex.
type invocation struct {
	id        string
	request   Request
	streaming bool
	result    chan result // has room for the one value that it gets
	abandoned atomic.Bool

	deadline  time.Time
	timer     *time.Timer
	answering bool           // the function has begun to post its answer
	finished  bool           // the result has been given
	pipe      *io.PipeWriter // of a streamed answer that has begun
}

// result is how an invocation came out. retry says that the process stopped
// before it had seen the event.
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

// wait returns the result, or the error of ctx, in which case the function
// goes on and its answer is dropped.
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

// dropAbandoned closes the stream that nobody waits for any more. Both sides
// call it, since either may be the later one.
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

// finish ends the invocation with a result, or a stream that has begun with
// the result's error. Later calls do nothing. The process's mutex is held.
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
