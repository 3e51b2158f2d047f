package trigger_test

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
)

// FuzzEvent passes any payload to triggers of all kinds. Nothing may panic, and the
// response must be JSON.
func FuzzEvent(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.json")
	if err != nil || len(samples) == 0 {
		f.Fatal(samples, err)
	}
	for _, s := range samples {
		f.Add([]byte(sample(f, strings.TrimSuffix(filepath.Base(s), ".json"))))
	}
	f.Add([]byte(`{"Records":[{"eventSource":"aws:sqs","messageId":"\u0000","eventSourceARN":".fifo"}]}`))
	h := openFuzz(f)
	f.Fuzz(func(t *testing.T, payload []byte) { checkAnswer(t, h, payload) })
}

// FuzzRecord is FuzzEvent for the records of each source, so that the decoders get
// more payloads than recognition lets through.
func FuzzRecord(f *testing.F) {
	for i, name := range recordSources {
		var e struct{ Records []json.RawMessage }
		if err := json.Unmarshal([]byte(sample(f, name)), &e); err != nil {
			f.Fatal(err)
		}
		for _, record := range e.Records {
			f.Add(uint8(i), []byte(record))
		}
	}
	f.Add(uint8(2), []byte(`{"dynamodb":{"SequenceNumber":"1","NewImage":{"a":{"L":[{"M":{"b":{"NS":["1",2]}}}]}}}}`))
	f.Add(uint8(3), []byte(`{"kinesis":{"sequenceNumber":"1","data":"=","approximateArrivalTimestamp":1e300}}`))
	h := openFuzz(f)
	f.Fuzz(func(t *testing.T, source uint8, record []byte) {
		name := recordSources[int(source)%len(recordSources)]
		mark := `,"eventSource":"aws:` + name + `"}`
		checkAnswer(t, h, []byte(`{"Records":[`+strings.TrimSuffix(string(record), "}")+mark+`]}`))
	})
}

var recordSources = []string{"sqs", "sns", "dynamodb", "kinesis", "s3"}

// openFuzz has triggers of all kinds, for each kind of request.
func openFuzz(f *testing.F) *event.Handler {
	triggers := parse(f, "sqs="+order+",sns="+store+",dynamodb="+store+",kinesis="+order+",s3="+store+
		",schedule="+order+",eventbridge="+handle+",direct,warmer")
	return openLogging(f, &shop{}, io.Discard, triggers)
}

func checkAnswer(t *testing.T, h *event.Handler, payload []byte) {
	t.Helper()
	out, err := h.Invoke(t.Context(), payload)
	if failure, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // what the Runtime API client looks for
		if !json.Valid([]byte(failure.Message)) {
			t.Errorf("the error of a direct invocation is %q", failure.Message)
		}
		return
	}
	if err != nil {
		if message := err.Error(); !utf8.ValidString(message) {
			t.Errorf("the error is %q", message)
		}
		return
	}
	if !json.Valid(out) {
		t.Errorf("the answer is %q", out)
	}
}

// FuzzParse parses the strings of parsed triggers again.
func FuzzParse(f *testing.F) {
	f.Add("sqs:orders=orders.v1.Orders/Create,eventbridge:a:b c=a.B/C,direct=a.B,warmer")
	f.Add("schedule:arn:aws:events:r:1:rule/x=a.B/C")
	f.Fuzz(func(t *testing.T, list string) {
		triggers, err := trigger.Parse(list)
		if err != nil {
			return
		}
		for _, tr := range triggers {
			entry := tr.String()
			if source, _, _ := strings.Cut(entry, ":"); entry != "warmer" && !strings.HasPrefix(source, "direct") {
				entry += "=a.B/C"
			}
			again, err := trigger.Parse(entry)
			if err != nil || len(again) != 1 || again[0].String() != tr.String() {
				t.Errorf("%q is %q, which is %v, %v", list, tr, again, err)
			}
		}
	})
}
