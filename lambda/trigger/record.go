package trigger

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"time"
)

// kinesisItem decodes a record of a stream. An error fails only this record
// if the item has a receipt, and otherwise the whole event.
func kinesisItem(record json.RawMessage) (Item, error) {
	var r struct {
		EventID        string
		EventName      string
		EventSourceARN string
		Kinesis        struct {
			PartitionKey                string
			SequenceNumber              string
			Data                        []byte
			ApproximateArrivalTimestamp float64
		}
	}
	err := json.Unmarshal(record, &r)
	if r.Kinesis.SequenceNumber == "" {
		return Item{}, errors.New("a record has no kinesis.sequenceNumber")
	}
	return Item{
		Source: kinesis, ID: r.EventID, ARN: r.EventSourceARN, Type: r.EventName, Body: r.Kinesis.Data,
		Time:       fromSeconds(r.Kinesis.ApproximateArrivalTimestamp),
		Properties: map[string]string{"partitionKey": r.Kinesis.PartitionKey, "sequenceNumber": r.Kinesis.SequenceNumber},
		receipt:    r.Kinesis.SequenceNumber,
	}, err
}

// fromSeconds returns the time s seconds after the Unix epoch, or the zero time if
// s is out of range.
func fromSeconds(s float64) time.Time {
	const year10000 = 253402300800
	if s <= 0 || s >= year10000 {
		return time.Time{}
	}
	whole, rest := math.Modf(s)
	return time.Unix(int64(whole), int64(math.Round(rest*1e3))*1e6).UTC()
}

// s3Item decodes a notification of a bucket.
func s3Item(record json.RawMessage) (Item, error) {
	var r struct {
		EventName        string
		EventTime        time.Time
		AWSRegion        string
		UserIdentity     struct{ PrincipalID string }
		ResponseElements map[string]string
		S3               struct {
			ConfigurationID string
			Bucket          struct{ Name, ARN string }
			Object          struct {
				Key       string
				Size      int64
				ETag      string
				VersionID string
				Sequencer string
			}
		}
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return Item{}, err
	}
	object := r.S3.Object
	key, err := url.QueryUnescape(object.Key)
	if err != nil {
		key = object.Key
	}
	body, err := json.Marshal(map[string]any{
		"eventName": r.EventName, "bucket": r.S3.Bucket.Name, "key": key, "size": object.Size,
		"etag": object.ETag, "versionId": object.VersionID, "sequencer": object.Sequencer,
	})
	return Item{
		Source: s3, ID: r.ResponseElements["x-amz-request-id"], ARN: r.S3.Bucket.ARN, Type: r.EventName, Time: r.EventTime,
		Properties: map[string]string{
			"region": r.AWSRegion, "principalId": r.UserIdentity.PrincipalID, "configurationId": r.S3.ConfigurationID,
		},
		Body: body,
	}, err
}
