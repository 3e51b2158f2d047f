package trigger

import (
	"encoding/json"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// An Item is the message, record or event that causes one call. By default its
// Body is decoded into the method's request like a JSON body over HTTP, with the
// settings of service.WithJSON; the request may be a google.protobuf.Struct. A
// method whose request is a lambdagrpc.trigger.v1.Event gets the whole Item. Use
// [WithCodec] for other requests.
type Item struct {
	// Source is sqs, sns, eventbridge, schedule, dynamodb, kinesis or s3.
	Source event.Source
	// ID identifies the item. It stays the same in every delivery.
	ID string
	// ARN is the ARN of the queue, topic, rule, schedule, stream or bucket.
	ARN string
	// Type is the detail-type of EventBridge, the subject of SNS, or the kind of
	// change, such as INSERT (DynamoDB) or ObjectCreated:Put (S3).
	Type string
	// Time is when the item was sent or the change happened. It is zero if
	// unknown.
	Time time.Time
	// Attributes are a message's attributes by name. Binary values are in base64.
	Attributes map[string]string
	// Properties are further fields of the source under the source's own names,
	// such as ApproximateReceiveCount (SQS), partitionKey (Kinesis) and source
	// (EventBridge).
	Properties map[string]string
	// Body is the body of a message, the detail of an event, or the data of a
	// record. For DynamoDB and S3, docs/triggers.md documents its format.
	Body []byte

	receipt string // the id of the item in a report
}

// envelope returns the item as a lambdagrpc.trigger.v1.Event in JSON.
func (i *Item) envelope() ([]byte, error) {
	e := struct {
		Source     event.Source      `json:"source"`
		ID         string            `json:"id"`
		ARN        string            `json:"arn"`
		Type       string            `json:"type"`
		Time       *time.Time        `json:"time,omitempty"`
		Attributes map[string]string `json:"attributes,omitempty"`
		Properties map[string]string `json:"properties,omitempty"`
		Body       []byte            `json:"body"`
	}{Source: i.Source, ID: i.ID, ARN: i.ARN, Type: i.Type, Attributes: i.Attributes, Properties: i.Properties, Body: i.Body}
	if !i.Time.IsZero() {
		e.Time = &i.Time
	}
	return json.Marshal(e)
}
