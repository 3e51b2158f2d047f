// Package trigger calls methods of gRPC services for Lambda events that are not
// HTTP requests: messages of queues and topics, events of a bus, records of
// streams, schedules, and direct invocations. The calls use the connection of the
// service's gateway, so they have the same interceptors, limits, logging and
// deadlines as requests over HTTP. Metadata that no client can set describes the
// event to the handler; see [Metadata].
//
// [With] adds triggers to the options of function.Main and server.Main. The
// variable EVENTS adds triggers without code; see [Parse]. [NewHandler] is for
// programs that use neither Main.
//
// AWS may deliver an event more than once. The metadata "idempotency-key" has the
// id of the item, by which a handler can detect a repeated call.
package trigger

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// The sources of events in [Item] and metadata.
const (
	sqs         event.Source = "sqs"
	sns         event.Source = "sns"
	eventBridge event.Source = "eventbridge"
	schedule    event.Source = "schedule"
	dynamoDB    event.Source = "dynamodb"
	kinesis     event.Source = "kinesis"
	s3          event.Source = "s3"
	direct      event.Source = "direct"
	warmer      event.Source = "warmer"
	fallback    event.Source = "fallback"
)

// A Trigger maps events to calls of a method. The method must be unary. It is
// given by its full name, such as "orders.v1.Orders/Create".
type Trigger struct {
	source      event.Source
	name        string // of the queue, topic or other resource, or its ARN; empty for any
	detailType  string // of EventBridge; empty for any
	method      string
	concurrency *int // nil: the default
	dropped     []codes.Code
	codec       Codec
	fallback    event.Invoker
}

// A Codec decodes an item into the request of a call. It must be safe for
// concurrent use. An error or a panic fails the item.
type Codec func(item Item, request proto.Message) error

// An Option configures the calls of a [Trigger].
type Option func(*Trigger)

// WithCodec sets how items are decoded into requests. [Item] documents the default.
func WithCodec(c Codec) Option { return func(t *Trigger) { t.codec = c } }

// WithConcurrency sets the number of calls, at least 1, that are made at once for
// the messages of one batch. It is only for [SQS] with queues that are not FIFO. The default is
// 10.
func WithConcurrency(n int) Option {
	return func(t *Trigger) { t.concurrency = &n }
}

// WithDropped sets the codes for which a failed item is dropped instead of
// delivered again, since another attempt would fail as well. A dropped item counts
// as done and is logged at the level ERROR. The default is InvalidArgument,
// OutOfRange and AlreadyExists. Without arguments nothing is dropped. An item that
// cannot be decoded, or that was never tried, is not dropped.
func WithDropped(c ...codes.Code) Option {
	return func(t *Trigger) { t.dropped = c }
}

func newTrigger(source event.Source, name, method string, options []Option) Trigger {
	t := Trigger{
		source: source, name: name, method: method,
		dropped: []codes.Code{codes.InvalidArgument, codes.OutOfRange, codes.AlreadyExists},
	}
	for _, option := range options {
		option(&t)
	}
	return t
}

// SQS calls method for each message of a queue. queue is a name or an ARN; "" is
// any queue. The response reports the messages that failed. The event source
// mapping must have ReportBatchItemFailures, or failed messages are lost.
//
// Several calls are made at once. For a FIFO queue, calls are made one at a time,
// and after a failure all messages that follow are reported too.
func SQS(queue, method string, options ...Option) Trigger {
	return newTrigger(sqs, queue, method, options)
}

// SNS calls method for each message of a topic. topic is a name or an ARN; "" is
// any topic. A failure fails the invocation.
func SNS(topic, method string, options ...Option) Trigger {
	return newTrigger(sns, topic, method, options)
}

// EventBridge calls method for the events of a source, such as "com.example.shop"
// or "aws.s3", with a detail-type, such as "Order Placed". "" is any source or
// any detail-type. A failure fails the invocation.
func EventBridge(source, detailType, method string, options ...Option) Trigger {
	t := newTrigger(eventBridge, source, method, options)
	t.detailType = detailType
	return t
}

// Schedule calls method for the events of an EventBridge rule with a schedule, or
// of an EventBridge Scheduler schedule without an input of its own. rule is the
// name or ARN of the rule or schedule; "" is any. A failure fails the invocation.
func Schedule(rule, method string, options ...Option) Trigger {
	return newTrigger(schedule, rule, method, options)
}

// DynamoDB calls method for each record of a table's stream. table is the table's
// name or ARN, or the stream's ARN; "" is any table. Calls are made in order, up
// to the first failure, which the response reports.
func DynamoDB(table, method string, options ...Option) Trigger {
	return newTrigger(dynamoDB, table, method, options)
}

// Kinesis calls method for each record of a stream. stream is a name or an ARN; ""
// is any stream. Calls are made in order, up to the first failure, which the
// response reports.
func Kinesis(stream, method string, options ...Option) Trigger {
	return newTrigger(kinesis, stream, method, options)
}

// S3 calls method for each notification of a bucket. bucket is a name or an ARN;
// "" is any bucket. A failure fails the invocation.
func S3(bucket, method string, options ...Option) Trigger {
	return newTrigger(s3, bucket, method, options)
}

// Direct allows every caller who may invoke the function to call the unary methods
// of a service. service is the full name; "" is all services. The event names the
// method and has the request in JSON:
//
//	{"method": "orders.v1.Orders/Get", "request": {"name": "orders/7"}}
//
// The result is the response in JSON. A failed call fails the invocation. The type
// of the error is then the name of the code, such as NotFound, and its message is
// a google.rpc.Status in JSON.
func Direct(service string) Trigger { return Trigger{source: direct, name: service} }

// Warmer responds with {} to the events that keep a function warm, without a call.
// These are events with the key "warmer", such as {"warmer":true}, the events of
// serverless-plugin-warmup, and scheduled events without another trigger.
func Warmer() Trigger { return Trigger{source: warmer} }

// Fallback passes the events that no other trigger matches to next. See
// [event.WithFallback].
func Fallback(next event.Invoker) Trigger { return Trigger{source: fallback, fallback: next} }

// With adds triggers to function.Main and server.Main. The first trigger that
// matches an event handles it.
func With(triggers ...Trigger) service.Option {
	return service.WithProgramOption("the triggers of trigger.With", slices.Clone(triggers))
}

// Of returns the triggers that [With] put into options, for a program that calls
// [NewHandler].
func Of(options ...service.Option) []Trigger {
	return slices.Concat(service.ProgramOptions[[]Trigger](options...)...)
}

// String returns the trigger in the form of the variable EVENTS, without its
// method.
func (t Trigger) String() string {
	s := string(t.source)
	if t.source == direct && t.name != "" {
		return s + "=" + t.name
	}
	if t.name != "" || t.detailType != "" {
		s += ":" + t.name
	}
	if t.detailType != "" {
		s += ":" + t.detailType
	}
	return s
}
