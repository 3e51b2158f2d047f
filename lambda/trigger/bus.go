package trigger

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// busEvent is an event of EventBridge or EventBridge Scheduler.
type busEvent struct {
	ID         string
	DetailType string `json:"detail-type"`
	Source     string
	Account    string
	Region     string
	Time       time.Time
	Resources  []string
	Detail     json.RawMessage
}

func recognizeBusEvent(payload []byte) (arrival, error) {
	var e busEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return arrival{}, malformed(eventBridge, errType(err))
	}
	a := arrival{source: eventBridge, name: e.Source, detailType: e.DetailType, records: []json.RawMessage{payload}}
	if len(e.Resources) > 0 {
		a.arn = e.Resources[0]
	}
	if e.DetailType == "Scheduled Event" && (e.Source == "aws.events" || e.Source == "aws.scheduler") {
		a.source, a.warmUp = schedule, true
	}
	return a, nil
}

// busItem decodes an event. The detail of the scheduler's events is JSON in a
// string.
func busItem(source event.Source, record json.RawMessage) (Item, error) {
	var e busEvent
	if err := json.Unmarshal(record, &e); err != nil {
		return Item{}, err
	}
	var text string
	if e.Source == "aws.scheduler" && json.Unmarshal(e.Detail, &text) == nil {
		e.Detail = json.RawMessage(text)
	}
	item := Item{
		Source: source, ID: e.ID, Type: e.DetailType, Time: e.Time, Body: bytes.TrimSpace(e.Detail),
		Properties: map[string]string{"source": e.Source, "account": e.Account, "region": e.Region},
	}
	if len(e.Resources) > 0 {
		item.ARN = e.Resources[0]
	}
	return item, nil
}
