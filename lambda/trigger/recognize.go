package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// A MalformedEventError reports an event that looks like one of a source but
// cannot be decoded. Its message contains no values of the event.
type MalformedEventError struct{ reason string }

func (e *MalformedEventError) Error() string { return "trigger: " + e.reason }

func malformed(source event.Source, err error) error {
	return &MalformedEventError{fmt.Sprintf("an event of %s: %v", source, err)}
}

// An arrival is an event whose source is known.
type arrival struct {
	source     event.Source
	arn        string
	name       string // of the queue and so on; the source of an EventBridge event
	detailType string
	records    []json.RawMessage // or the event itself
	warmUp     bool
}

// recognize detects the source of an event by fields that only its events have.
func recognize(payload []byte) (arrival, error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(payload, &keys) != nil {
		return arrival{}, event.ErrUnrecognized
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if len(keys[name]) == 0 {
				return false
			}
		}
		return true
	}
	switch {
	case has("Records"):
		return recognizeRecords(keys)
	case has("source", "detail-type", "detail"):
		return recognizeBusEvent(payload)
	case has("method", "request") && len(keys) == 2:
		return arrival{source: direct, records: []json.RawMessage{payload}}, nil
	case string(keys["warmer"]) == "true", string(keys["source"]) == `"serverless-plugin-warmup"`:
		return arrival{source: warmer, warmUp: true}, nil
	}
	return arrival{}, event.ErrUnrecognized
}

// recognizeRecords detects the source of an event with Records, which must all be
// of one source.
func recognizeRecords(keys map[string]json.RawMessage) (arrival, error) {
	var a arrival
	if json.Unmarshal(keys["Records"], &a.records) != nil || len(a.records) == 0 {
		return arrival{}, event.ErrUnrecognized
	}
	var first struct {
		EventSource    string
		EventSourceARN string
		SNS            struct{ TopicArn string }
		S3             struct{ Bucket struct{ Name, ARN string } }
	}
	err := json.Unmarshal(a.records[0], &first)
	a.source = event.Source(strings.TrimPrefix(first.EventSource, "aws:"))
	a.arn = first.EventSourceARN
	switch a.source {
	case sqs:
		a.name = afterLast(a.arn, ":")
	case sns:
		a.arn = first.SNS.TopicArn
		a.name = afterLast(a.arn, ":")
	case kinesis:
		a.name = afterLast(a.arn, "/")
	case dynamoDB:
		_, table, _ := strings.Cut(a.arn, "/")
		a.name, _, _ = strings.Cut(table, "/")
	case s3:
		a.arn, a.name = first.S3.Bucket.ARN, first.S3.Bucket.Name
	default:
		return arrival{}, event.ErrUnrecognized
	}
	if err != nil {
		return arrival{}, malformed(a.source, errType(err))
	}
	if keys["window"] != nil {
		return arrival{}, malformed(a.source, errors.New("it has a tumbling window, which is not supported"))
	}
	return a, nil
}

func afterLast(s, sep string) string { return s[strings.LastIndex(s, sep)+1:] }

// errType returns an error of encoding/json without the event's values in it.
func errType(err error) error {
	var kind *json.UnmarshalTypeError
	var date *time.ParseError
	switch {
	case errors.As(err, &kind):
		found, _, _ := strings.Cut(kind.Value, " ")
		return fmt.Errorf("%s is a JSON %s", kind.Field, found)
	case errors.As(err, &date):
		return errors.New("a time is not in the format of RFC 3339")
	}
	return err
}

// matches reports whether t handles a.
func (t *Trigger) matches(a *arrival) bool {
	switch {
	case t.source == eventBridge && (a.source == eventBridge || a.source == schedule):
		return (t.name == "" || t.name == a.name) && (t.detailType == "" || t.detailType == a.detailType)
	case t.source != a.source:
		return false
	case t.source == schedule:
		return t.name == "" || t.name == a.arn || t.name == afterLast(a.arn, "/")
	case t.source == direct:
		return true
	case t.source == dynamoDB && strings.HasPrefix(a.arn, t.name+"/stream/"):
		return true
	}
	return t.name == "" || t.name == a.arn || t.name == a.name
}
