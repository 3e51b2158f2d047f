package trigger

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// sqsItem decodes a message of a queue. An error fails only this message if
// the item has a receipt, and otherwise the whole event.
func sqsItem(record json.RawMessage) (Item, error) {
	var m struct {
		MessageID         string
		Body              string
		Attributes        map[string]string
		MessageAttributes map[string]struct {
			StringValue *string
			BinaryValue string // base64
		}
		EventSourceARN string
	}
	err := json.Unmarshal(record, &m)
	if m.MessageID == "" {
		return Item{}, errors.New("a message has no messageId")
	}
	item := Item{
		Source: sqs, ID: m.MessageID, ARN: m.EventSourceARN, Properties: m.Attributes,
		Attributes: make(map[string]string, len(m.MessageAttributes)), Body: []byte(m.Body), receipt: m.MessageID,
	}
	for name, a := range m.MessageAttributes {
		item.Attributes[name] = a.BinaryValue
		if a.StringValue != nil {
			item.Attributes[name] = *a.StringValue
		}
	}
	if ms, notANumber := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); notANumber == nil {
		item.Time = time.UnixMilli(ms).UTC()
	}
	return item, err
}

// snsItem decodes a message of a topic.
func snsItem(record json.RawMessage) (Item, error) {
	var r struct {
		EventSubscriptionARN string
		SNS                  struct {
			MessageID         string
			TopicARN          string
			Subject           string
			Message           string
			Timestamp         time.Time
			MessageAttributes map[string]struct{ Value string }
		}
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return Item{}, err
	}
	m := r.SNS
	item := Item{
		Source: sns, ID: m.MessageID, ARN: m.TopicARN, Type: m.Subject, Time: m.Timestamp, Body: []byte(m.Message),
		Attributes: make(map[string]string, len(m.MessageAttributes)),
		Properties: map[string]string{"EventSubscriptionArn": r.EventSubscriptionARN},
	}
	for name, a := range m.MessageAttributes {
		item.Attributes[name] = a.Value
	}
	return item, nil
}
