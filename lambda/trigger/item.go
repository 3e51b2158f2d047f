package trigger

import (
	"encoding/json"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// An Item is what one call is made for: a message, a record or an event. Its
// Body becomes the request as a JSON body does over HTTP: it is read as
// service.WithJSON says, into whatever message the method takes, also a
// google.protobuf.Struct. A method that takes a lambdagrpc.trigger.v1.Event gets
// all of the Item. See [WithCodec] for anything else.
type Item struct {
	// Source is sqs, sns, eventbridge, schedule, dynamodb, kinesis or s3.
	Source event.Source
	// ID identifies the item, also when it is delivered again.
	ID string
	// ARN is that of the queue, topic, rule or schedule, stream or bucket.
	ARN string
	// Type is the detail-type of EventBridge, the subject of SNS, or what
	// happened, such as INSERT (DynamoDB) and ObjectCreated:Put (S3).
	Type string
	// Time is when the item was sent, or when what it tells of happened. It is
	// zero if that is not known.
	Time time.Time
	// Attributes are those that the sender gave a message, by name. A binary
	// one is in base64.
	Attributes map[string]string
	// Properties are what the source says besides, under its own names, such
	// as ApproximateReceiveCount (SQS), partitionKey (Kinesis), and source
	// (EventBridge).
	Properties map[string]string
	// Body is the body of a message, the detail of an event, or the data of a
	// record. For DynamoDB and S3 it is made from the record: see
	// docs/triggers.md.
	Body []byte

	receipt string // what the answer names when the item has failed
}

// envelope is the item as a lambdagrpc.trigger.v1.Event in JSON.
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
