// Package trigger turns events of Lambda that are not HTTP requests into calls
// of the methods of gRPC services: messages of queues and topics, events of a
// bus, records of streams, schedules, and direct invocations. The calls go over
// the connection of the service's gateway, so that interceptors, limits, logging
// and deadlines are the same as for a request over HTTP. Metadata that no client
// can set tells a handler what it is called for: see [Metadata].
//
// [With] adds triggers to the options that function.Main and server.Main share.
// The variable EVENTS has the same without code: see [Parse]. [NewHandler] is
// for programs of your own.
//
// Events can be delivered twice. A handler finds the id of what it is called for
// in the metadata "idempotency-key"; what to do about a second call is up to it.
package trigger

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// The sources of events, as [Item] and metadata have them.
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

// A Trigger says which events become calls, and of which method. Methods are
// unary and named in full, as in "orders.v1.Orders/Create".
type Trigger struct {
	source      event.Source
	name        string // of the queue and so on, or its ARN; empty for any
	detailType  string // of EventBridge; empty for any
	method      string
	concurrency *int // nil: the default
	dropped     []codes.Code
	codec       Codec
	fallback    event.Invoker
}

// A Codec makes the request of a call from an item. It is called by several
// goroutines at once. An error fails the item.
type Codec func(item Item, request proto.Message) error

// An Option changes how the calls of a [Trigger] are made.
type Option func(*Trigger)

// WithCodec sets how requests are made. The default is described at [Item].
func WithCodec(c Codec) Option { return func(t *Trigger) { t.codec = c } }

// WithConcurrency sets how many calls are made at once for the messages of one
// batch, at least 1. It is for [SQS] and queues that are not FIFO; the default is
// 10.
func WithConcurrency(n int) Option {
	return func(t *Trigger) { t.concurrency = &n }
}

// WithDropped sets which codes of an error a further attempt cannot change: the
// item counts as done, and a line at the level ERROR tells of it. The default is
// InvalidArgument, OutOfRange and AlreadyExists. Without arguments nothing is
// dropped. An item that cannot be decoded, or was never tried, is not dropped.
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

// SQS calls method for each message of a queue, which is named or given by its
// ARN; "" is any queue. The answer reports the messages that failed: the event
// source mapping must have ReportBatchItemFailures, or they are lost. Several
// calls are made at once. Those of a FIFO queue are made one after the other,
// and after a failure all messages that follow are reported too.
func SQS(queue, method string, options ...Option) Trigger {
	return newTrigger(sqs, queue, method, options)
}

// SNS calls method for each message of a topic, which is named or given by its
// ARN; "" is any topic. A failure is an error of the invocation.
func SNS(topic, method string, options ...Option) Trigger {
	return newTrigger(sns, topic, method, options)
}

// EventBridge calls method for the events of a source, such as "com.example.shop"
// or "aws.s3", with a detail-type, such as "Order Placed". "" is any source or
// any detail-type. A failure is an error of the invocation.
func EventBridge(source, detailType, method string, options ...Option) Trigger {
	t := newTrigger(eventBridge, source, method, options)
	t.detailType = detailType
	return t
}

// Schedule calls method for the events of a scheduled rule of EventBridge, or of
// a schedule of EventBridge Scheduler that has no input of its own. The rule or
// schedule is named or given by its ARN; "" is any. A failure is an error of the
// invocation.
func Schedule(rule, method string, options ...Option) Trigger {
	return newTrigger(schedule, rule, method, options)
}

// DynamoDB calls method for each record of the stream of a table, which is named
// or given by its ARN or that of the stream; "" is any table. Records are
// handled in order, up to the first failure, which the answer reports.
func DynamoDB(table, method string, options ...Option) Trigger {
	return newTrigger(dynamoDB, table, method, options)
}

// Kinesis calls method for each record of a stream, which is named or given by
// its ARN; "" is any stream. Records are handled in order, up to the first
// failure, which the answer reports.
func Kinesis(stream, method string, options ...Option) Trigger {
	return newTrigger(kinesis, stream, method, options)
}

// S3 calls method for each notification of a bucket, which is named or given by
// its ARN; "" is any bucket. A failure is an error of the invocation.
func S3(bucket, method string, options ...Option) Trigger {
	return newTrigger(s3, bucket, method, options)
}

// Direct lets whoever may invoke the function call the methods of a service that
// is named in full, or of all services with "", by an event such as
//
//	{"method": "orders.v1.Orders/Get", "request": {"name": "orders/7"}}
//
// The answer is the response in JSON. An error is one of the invocation, whose
// type is the name of the code, such as NotFound, and whose message is a
// google.rpc.Status in JSON.
func Direct(service string) Trigger { return Trigger{source: direct, name: service} }

// Warmer answers the events that keep a function warm with {}, without a call:
// {"warmer":true} and others with that key, those of serverless-plugin-warmup,
// and scheduled events for which there is no other trigger.
func Warmer() Trigger { return Trigger{source: warmer} }

// Fallback serves with next the events that no other trigger takes, as
// [event.WithFallback] does.
func Fallback(next event.Invoker) Trigger { return Trigger{source: fallback, fallback: next} }

// With adds triggers to what function.Main and server.Main serve. Of several
// that match an event the first counts.
func With(triggers ...Trigger) service.Option {
	return service.WithProgramOption("the triggers of trigger.With", slices.Clone(triggers))
}

// Of returns the triggers that options have, for a program that serves them with
// a [NewHandler].
func Of(options ...service.Option) []Trigger {
	return slices.Concat(service.ProgramOptions[[]Trigger](options...)...)
}

// String is the trigger as in EVENTS, without its method.
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
