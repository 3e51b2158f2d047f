package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/mdkey"
)

// A batch is the items of one event while a Handler handles them.
type batch struct {
	handler *Handler
	target  *target
	ordered bool // one at a time, up to the first failure
	items   []Item
	results []result // of each item
}

// A result is the outcome of an item. err is nil after a success.
type result struct {
	malformed error // of the item; it is not called
	err       error
}

const defaultConcurrency = 10

var (
	errNotTried = errors.New("not tried, since an item before it failed")
	errNoTime   = errors.New("not tried, since there is no time left")
	errEnded    = errors.New("the goroutine of the call ended")
)

// run makes the calls of all items.
func (b *batch) run(ctx context.Context) {
	for i := range b.results {
		b.results[i].err = errNotTried
	}
	if b.ordered {
		for i := range b.items {
			if b.try(ctx, i, 1); b.results[i].err != nil {
				return
			}
		}
		return
	}
	concurrency := defaultConcurrency
	if n := b.target.concurrency; n != nil {
		concurrency = *n
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(concurrency, len(b.items)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(b.items); i = int(next.Add(1)) - 1 {
				b.try(ctx, i, concurrency)
			}
		})
	}
	workers.Wait()
}

// try makes the call of an item and stores its result. It recovers panics, for
// example of a codec's error or of a stats handler, which would end the process.
func (b *batch) try(ctx context.Context, i, concurrency int) {
	item, r := &b.items[i], &b.results[i]
	r.err = errEnded // if a codec calls runtime.Goexit
	defer func() {
		if p := recover(); p != nil {
			r.err = fmt.Errorf("panic in the call of an item: %v", p)
			b.handler.logger.Error("trigger: panic in the call of an item", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := share(ctx, len(b.items)-i, concurrency)
	defer cancel()
	ctx = itemContext(ctx, item)
	err := r.malformed
	if err == nil {
		err = b.call(ctx, item)
	}
	if err != nil && b.dropped(err) {
		b.log(ctx, slog.LevelError, "trigger: item dropped, since a further attempt cannot change its failure", item, err)
		err = nil
	} else if err != nil {
		b.log(ctx, slog.LevelWarn, "trigger: item failed", item, err)
	}
	r.err = err
}

// share returns a context that ends with the call's equal share of the time left,
// so a slow call leaves time for the calls after it.
func share(ctx context.Context, left, concurrency int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	concurrency = min(concurrency, left)
	rounds := (left + concurrency - 1) / concurrency
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(rounds))
}

// itemContext returns a context for which [Metadata] yields that of item.
func itemContext(ctx context.Context, item *Item) context.Context {
	info, _ := event.FromContext(ctx)
	info.Source, info.RequestID = item.Source, item.ID
	ctx = context.WithValue(event.NewContext(ctx, info), itemKey{}, item)
	if item.ID == "" || !mdkey.Plain(item.ID) {
		return metadata.NewOutgoingContext(ctx, metadata.MD{})
	}
	return metadata.NewOutgoingContext(ctx, metadata.Pairs("idempotency-key", item.ID))
}

// call makes the call of one item.
func (b *batch) call(ctx context.Context, item *Item) error {
	if ctx.Err() != nil {
		return errNoTime
	}
	request := b.target.method.newRequest()
	if err := b.decode(item, request); err != nil {
		return &decodeError{err}
	}
	return b.handler.conn.Invoke(ctx, b.target.method.path, request, b.target.method.newResponse())
}

// A decodeError says why an item cannot be decoded into a request.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return "decoding: " + e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }

// decode decodes item into request. It recovers from a panic of the codec.
func (b *batch) decode(item *Item, request proto.Message) (err error) {
	if b.target.codec == nil {
		body := item.Body
		if b.target.method.input.Descriptor().FullName() == envelopeName {
			if body, err = item.envelope(); err != nil {
				return err
			}
		}
		return b.handler.json.Unmarshal(body, request)
	}
	defer func() {
		if p := recover(); p != nil {
			b.handler.logger.Error("trigger: panic in a codec", "panic", p, "stack", string(debug.Stack()))
			err = errors.New("the codec panicked")
		}
	}()
	return b.target.codec(*item, request)
}

// dropped reports whether an item whose call returned err counts as done, because
// another attempt would fail in the same way.
func (b *batch) dropped(err error) bool {
	var decoding *decodeError
	return !errors.As(err, &decoding) && !errors.Is(err, errNoTime) && slices.Contains(b.target.dropped, status.Code(err))
}

func (b *batch) log(ctx context.Context, level slog.Level, message string, item *Item, err error) {
	code := status.Code(err)
	if _, ok := errors.AsType[*decodeError](err); ok {
		level, code = slog.LevelError, codes.InvalidArgument
	}
	b.handler.logger.LogAttrs(ctx, level, message,
		slog.String("source", string(item.Source)), slog.String("arn", clip(item.ARN)), slog.String("id", clip(item.ID)),
		slog.String("method", b.target.method.path[1:]), slog.String("code", code.String()), slog.String("error", clip(err.Error())))
}

// answer returns the response that the batch's source reads.
func (b *batch) answer() ([]byte, error) {
	switch b.target.source {
	case sqs, kinesis, dynamoDB:
		return json.Marshal(b.failures())
	}
	var failed []error
	for i, r := range b.results {
		if r.err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", b.items[i].Source, clip(b.items[i].ID), r.err))
		}
	}
	if len(failed) > 0 {
		return nil, &FailedError{b.target.method.path[1:], failed}
	}
	return []byte("{}"), nil
}

// A report is the response to a queue or a stream.
type report struct {
	Failures []failure `json:"batchItemFailures"`
}

type failure struct {
	Item string `json:"itemIdentifier"`
}

// failures returns the report of the items to deliver again. For a queue these are
// the failed messages. For a stream it is the first failed record, which stands
// for all records after it.
func (b *batch) failures() report {
	r := report{Failures: []failure{}}
	for i, result := range b.results {
		if result.err != nil {
			r.Failures = append(r.Failures, failure{b.items[i].receipt})
			if b.target.source != sqs {
				break
			}
		}
	}
	return r
}

// A FailedError reports failed calls of an event whose source delivers the whole
// event again.
type FailedError struct {
	method string
	errs   []error
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("trigger: calling %s: %v", e.method, errors.Join(e.errs...))
}

// Unwrap returns the error of each item.
func (e *FailedError) Unwrap() []error { return e.errs }
