package trigger

import (
	"context"
	"iter"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/mdkey"
)

// MetadataPrefix is the prefix of the metadata keys that only calls of triggers
// have. Clients cannot set these keys.
const MetadataPrefix = "x-lambda-trigger-"

type itemKey struct{}

// Metadata yields what [eventmd.FromContext] yields and, in a call of a trigger, the
// following keys about its [Item]. Pass Metadata to service.WithReservedMetadata. The
// source of a direct invocation is "direct".
//
//	x-lambda-trigger-source           the same as x-lambda-event-source
//	x-lambda-trigger-id               also in x-lambda-event-request-id
//	x-lambda-trigger-arn              of the queue, topic, rule, stream or bucket
//	x-lambda-trigger-type             detail-type, subject, or name of the event
//	x-lambda-trigger-time             RFC 3339
//	x-lambda-trigger-origin           the source of an EventBridge event
//	x-lambda-trigger-receive-count    of an SQS message
//	x-lambda-trigger-group-id         of an SQS message
//	x-lambda-trigger-trace-id         X-Ray's header of an SQS message, from its sender
//	x-lambda-trigger-partition-key    of a Kinesis record
//	x-lambda-trigger-sequence-number  of a Kinesis or DynamoDB record
//
// The sender chooses the type, the origin, the group, the trace and the partition
// key. Empty values are left out. A value that is not printable ASCII, or begins or
// ends with a space, has -bin appended to its key.
func Metadata(ctx context.Context) iter.Seq2[string, string] {
	item, ok := ctx.Value(itemKey{}).(*Item)
	if !ok {
		return eventmd.FromContext(ctx)
	}
	return func(yield func(key, value string) bool) {
		for key, value := range eventmd.FromContext(ctx) {
			if !yield(key, value) {
				return
			}
		}
		for _, p := range item.pairs() {
			if p[1] != "" && !yield(mdkey.For(MetadataPrefix+p[0], p[1]), p[1]) {
				return
			}
		}
	}
}

func (i *Item) pairs() [][2]string {
	pairs := [][2]string{{"source", string(i.Source)}, {"id", i.ID}, {"arn", i.ARN}, {"type", i.Type}}
	if !i.Time.IsZero() {
		pairs = append(pairs, [2]string{"time", i.Time.UTC().Format(time.RFC3339Nano)})
	}
	for _, p := range [...]struct {
		source        event.Source
		key, property string
	}{
		{eventBridge, "origin", "source"},
		{schedule, "origin", "source"},
		{sqs, "receive-count", "ApproximateReceiveCount"},
		{sqs, "group-id", "MessageGroupId"},
		{sqs, "trace-id", "AWSTraceHeader"},
		{kinesis, "partition-key", "partitionKey"},
		{kinesis, "sequence-number", "sequenceNumber"},
		{dynamoDB, "sequence-number", "SequenceNumber"},
	} {
		if p.source == i.Source {
			pairs = append(pairs, [2]string{p.key, i.Properties[p.property]})
		}
	}
	return pairs
}
