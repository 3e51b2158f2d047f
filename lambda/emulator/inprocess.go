package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/errortype"
)

// An Invoker runs a function on events. [Function] implements it, and [InProcess]
// returns one. Its methods are safe for concurrent use.
type Invoker interface {
	Do(context.Context, Request) (Response, error)
	Stream(context.Context, Request) (*Stream, error)
}

// A Handler handles an event and returns the response. Every lambda.Handler of
// aws-lambda-go implements it, and so does event.Handler. Invoke is called
// concurrently.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// A StreamHandler also streams its response, as event.Handler does. If the reader
// that Stream returns is an io.Closer, it is closed.
type StreamHandler interface {
	Handler
	Stream(ctx context.Context, payload json.RawMessage) (io.Reader, error)
}

// InProcess returns an [Invoker] that calls h in this process, for tests without
// a function binary. Pass it to frontdoor.New to send it HTTP requests.
//
// Each invocation has a context as on Lambda, with a deadline after 30 s.
// Lambda's limits on events and responses apply. A panic of h becomes a
// [FunctionError]. InProcess does not emulate freezes, SIGTERM or restarts.
//
// Stream streams the response if h is a [StreamHandler]. Otherwise it behaves
// like Do.
func InProcess(h Handler) Invoker { return inProcess{h} }

type inProcess struct{ handler Handler }

const (
	inProcessTimeout = 30 * time.Second
	inProcessARN     = "arn:aws:lambda:us-east-1:123456789012:function:function"
)

// context returns the context of one invocation, its cancel function, and the
// request ID.
func (inProcess) context(ctx context.Context, r Request) (context.Context, context.CancelFunc, string, error) {
	if len(r.Payload) > MaxRequestBytes {
		return nil, nil, "", ErrRequestTooLarge
	}
	lc := lambdacontext.LambdaContext{AwsRequestID: awsid.UUID(), InvokedFunctionArn: inProcessARN, TenantID: r.TenantID}
	for document, field := range map[string]any{r.ClientContext: &lc.ClientContext, r.CognitoIdentity: &lc.Identity} {
		if document == "" {
			continue
		}
		if err := json.Unmarshal([]byte(document), field); err != nil {
			return nil, nil, "", fmt.Errorf("emulator: decoding client context or identity %q: %w", document, err)
		}
	}
	if r.TraceID == "" {
		r.TraceID = awsid.TraceID(time.Now())
	}
	ctx = context.WithValue(ctx, "x-amzn-trace-id", r.TraceID) //nolint:revive,staticcheck // the key that aws-lambda-go uses
	ctx, cancel := context.WithTimeout(lambdacontext.NewContext(ctx, &lc), inProcessTimeout)
	return ctx, cancel, lc.AwsRequestID, nil
}

func (p inProcess) Do(ctx context.Context, r Request) (Response, error) {
	ctx, cancel, id, err := p.context(ctx, r)
	if err != nil {
		return Response{}, err
	}
	defer cancel()
	var out []byte
	err = call(id, func() (err error) {
		out, err = p.handler.Invoke(ctx, bytes.Clone(r.Payload))
		return err
	})
	if err == nil && len(out) > MaxResponseBytes {
		err = tooLargeError(id, MaxResponseBytes)
	}
	return Response{RequestID: id, ContentType: "application/json", Payload: bytes.Clone(out)}, err
}

func (p inProcess) Stream(ctx context.Context, r Request) (*Stream, error) {
	streaming, ok := p.handler.(StreamHandler)
	if !ok {
		response, err := p.Do(ctx, r)
		if err != nil {
			return nil, err
		}
		body := io.NopCloser(bytes.NewReader(response.Payload))
		return &Stream{RequestID: response.RequestID, ContentType: response.ContentType, Body: body}, nil
	}
	outer := ctx
	ctx, cancel, id, err := p.context(ctx, r)
	if err != nil {
		return nil, err
	}
	s := &Stream{RequestID: id, ContentType: "application/octet-stream"}
	err = call(id, func() error {
		body, err := streaming.Stream(ctx, bytes.Clone(r.Payload))
		if typed, ok := body.(interface{ ContentType() string }); ok {
			s.ContentType = typed.ContentType()
		}
		s.Body = &inProcessBody{Reader: body, id: id, cancel: cancel}
		return err
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return splitPrelude(outer, s)
}

// call calls f and turns its error or panic into a FunctionError.
func call(id string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failure(id, errortype.Of(p), fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := f(); err != nil {
		return handlerFailure(id, err)
	}
	return nil
}

// handlerFailure returns an error of the handler as Lambda reports it.
func handlerFailure(id string, err error) error {
	if own, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // a wrapping error has its own message
		return failure(id, own.Type, own.Message, err)
	}
	return failure(id, errortype.Of(err), err.Error(), err)
}

// inProcessBody limits a streamed response to MaxStreamBytes.
type inProcessBody struct {
	io.Reader
	id     string
	size   int64
	cancel context.CancelFunc
}

func (b *inProcessBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.size += int64(n); b.size > MaxStreamBytes {
		return 0, tooLargeError(b.id, MaxStreamBytes)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = handlerFailure(b.id, err)
	}
	return n, err
}

func (b *inProcessBody) Close() error {
	defer b.cancel()
	if closer, ok := b.Reader.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
