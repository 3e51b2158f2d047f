package trigger_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"
)

// Each sample event leads to these calls and this response to its source.
func TestSamples(t *testing.T) {
	for name, test := range map[string]struct {
		file, events string
		calls        []string
		answer       string
	}{
		"messages of a queue": {"sqs", "sqs:orders=" + store,
			[]string{`Store {"id":"1","text":"one"}`, `Store {"id":"2","number":"many"}`, `Store {"id":"3","text":"three"}`},
			`{"batchItemFailures":[]}`},
		"messages of a FIFO queue, up to the first failure": {"sqs-fifo", "sqs:arn:aws:sqs:eu-central-1:123456789012:orders.fifo=" + store,
			[]string{`Store {"id":"1","text":"one"}`},
			`{"batchItemFailures":[{"itemIdentifier":"7f1c0c3e-0000-4000-8000-000000000002"},{"itemIdentifier":"7f1c0c3e-0000-4000-8000-000000000003"}]}`},
		"a message of a topic":       {"sns", "sns:news=" + store, []string{`Store {"id":"4","text":"four"}`}, `{}`},
		"an event of a bus":          {"eventbridge", "eventbridge:com.example.shop:Order Placed=" + store, []string{`Store {"id":"5","text":"five"}`}, `{}`},
		"an event of a source":       {"eventbridge", "eventbridge:com.example.shop=" + store, []string{`Store {"id":"5","text":"five"}`}, `{}`},
		"a scheduled rule":           {"schedule", "schedule:sweep=" + order, []string{`Order {}`}, `{}`},
		"a schedule":                 {"scheduler", "schedule:sweep=" + order, []string{`Order {}`}, `{}`},
		"a schedule as a bus event":  {"schedule", "eventbridge:aws.events=" + order, []string{`Order {}`}, `{}`},
		"a schedule that only warms": {"schedule", "warmer,schedule:other=" + order, nil, `{}`},
		"a warmer":                   {"warmer", "warmer", nil, `{}`},
		"records of a table": {"dynamodb", "dynamodb:items=" + store, []string{
			`Store {"eventName":"INSERT","keys":{"id":"6"},"newImage":{"count":12.5,"data":"AP8=","id":"6","more":{"list":["x",-1000]},"none":null,"on":true,"sizes":[1,2],"tags":["a","b"]}}`,
			`Store {"eventName":"INSERT","keys":{"id":"7"},"newImage":{"id":"7"}}`,
		}, `{"batchItemFailures":[]}`},
		"records of a stream, up to the first failure": {"kinesis", "kinesis:clicks=" + store, []string{`Store {"id":"8"}`},
			`{"batchItemFailures":[{"itemIdentifier":"49500000000000000000000000000000000000000000000000000009"}]}`},
		"a notification of a bucket": {"s3", "s3:photos=" + store,
			[]string{`Store {"bucket":"photos","etag":"d41d8cd98f00b204e9800998ecf8427e","eventName":"ObjectCreated:Put","key":"a b/ü.jpg","sequencer":"0055AED6DCD90281E5","size":1024,"versionId":"v"}`}, `{}`},
		"the whole event": {"sns", "sns=" + handle, []string{
			`Handle {"arn":"arn:aws:sns:eu-central-1:123456789012:news","attributes":{"tenant":"blue"},"body":"eyJpZCI6IjQiLCJ0ZXh0IjoiZm91ciJ9","id":"0b1c2d3e-0000-4000-8000-000000000002",` +
				`"properties":{"EventSubscriptionArn":"arn:aws:sns:eu-central-1:123456789012:news:0b1c2d3e-0000-4000-8000-000000000001"},"source":"sns","time":"2025-11-25T20:00:00Z","type":"an item"}`,
		}, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop{}
			answer, err := invoke(t, open(t, s, parse(t, test.events)), sample(t, test.file))
			if err != nil || answer != test.answer {
				t.Errorf("answer %s, %v, want %s", answer, err, test.answer)
			}
			slices.Sort(s.calls) // those of a queue are made at once
			if diff := cmp.Diff(test.calls, s.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A handler and an interceptor see the metadata of the item of their call.
func TestMetadata(t *testing.T) {
	for file, test := range map[string]struct {
		events string
		want   map[string]string
	}{
		"sqs": {"sqs=" + order, map[string]string{
			"idempotency-key": "7f1c0c3e-0000-4000-8000-000000000001", "x-lambda-event-request-id": "7f1c0c3e-0000-4000-8000-000000000001", "x-lambda-event-source": "sqs",
			"x-lambda-trigger-id": "7f1c0c3e-0000-4000-8000-000000000001", "x-lambda-trigger-source": "sqs", "x-lambda-trigger-arn": "arn:aws:sqs:eu-central-1:123456789012:orders",
			"x-lambda-trigger-receive-count": "1", "x-lambda-trigger-time": "2025-11-25T20:00:00.001Z",
		}},
		"sns": {"sns=" + order, map[string]string{
			"idempotency-key": "0b1c2d3e-0000-4000-8000-000000000002", "x-lambda-event-request-id": "0b1c2d3e-0000-4000-8000-000000000002", "x-lambda-event-source": "sns",
			"x-lambda-trigger-id": "0b1c2d3e-0000-4000-8000-000000000002", "x-lambda-trigger-source": "sns", "x-lambda-trigger-arn": "arn:aws:sns:eu-central-1:123456789012:news",
			"x-lambda-trigger-type": "an item", "x-lambda-trigger-time": "2025-11-25T20:00:00Z",
		}},
		"eventbridge": {"eventbridge=" + order, map[string]string{
			"idempotency-key": "0b1c2d3e-0000-4000-8000-000000000003", "x-lambda-event-request-id": "0b1c2d3e-0000-4000-8000-000000000003", "x-lambda-event-source": "eventbridge",
			"x-lambda-trigger-id": "0b1c2d3e-0000-4000-8000-000000000003", "x-lambda-trigger-source": "eventbridge",
			"x-lambda-trigger-type": "Order Placed", "x-lambda-trigger-origin": "com.example.shop", "x-lambda-trigger-time": "2025-11-25T20:00:00Z",
		}},
		"dynamodb": {"dynamodb=" + order, map[string]string{
			"idempotency-key": "00000000000000000000000000000006", "x-lambda-event-request-id": "00000000000000000000000000000006", "x-lambda-event-source": "dynamodb",
			"x-lambda-trigger-id": "00000000000000000000000000000006", "x-lambda-trigger-source": "dynamodb",
			"x-lambda-trigger-arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/items/stream/2025-11-25T00:00:00.000", "x-lambda-trigger-type": "INSERT",
			"x-lambda-trigger-time": "2025-11-25T20:00:00Z", "x-lambda-trigger-sequence-number": "100000000000000000000006",
		}},
		"kinesis": {"kinesis=" + order, map[string]string{
			"idempotency-key":           "shardId-000000000000:49500000000000000000000000000000000000000000000000000008",
			"x-lambda-event-request-id": "shardId-000000000000:49500000000000000000000000000000000000000000000000000008", "x-lambda-event-source": "kinesis",
			"x-lambda-trigger-id": "shardId-000000000000:49500000000000000000000000000000000000000000000000000008", "x-lambda-trigger-source": "kinesis",
			"x-lambda-trigger-arn": "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks", "x-lambda-trigger-type": "aws:kinesis:record", "x-lambda-trigger-partition-key": "p",
			"x-lambda-trigger-time": "2025-11-25T20:00:00.25Z", "x-lambda-trigger-sequence-number": "49500000000000000000000000000000000000000000000000000008",
		}},
	} {
		t.Run(file, func(t *testing.T) {
			s := &shop{}
			if _, err := invoke(t, open(t, s, parse(t, test.events)), sample(t, file)); err != nil {
				t.Fatal(err)
			}
			first := slices.IndexFunc(s.seen, func(md metadata.MD) bool {
				return strings.Join(md.Get("idempotency-key"), " ") == test.want["idempotency-key"]
			})
			if first < 0 {
				t.Fatalf("no call has the idempotency key: %v", s.seen)
			}
			got := map[string]string{}
			for key, values := range s.seen[first] {
				switch {
				case key == "x-lambda-event-invocation-id", key == "x-lambda-event-function-arn", key == "x-lambda-event-trace-id":
					if len(values) != 1 || values[0] == "" {
						t.Errorf("%s = %q", key, values)
					}
				case strings.HasPrefix(key, "x-lambda-"), key == "idempotency-key":
					got[key] = strings.Join(values, ",")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
