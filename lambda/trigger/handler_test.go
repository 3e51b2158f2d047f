package trigger_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// The first trigger that matches handles an event. A trigger does not match events
// of another source or name.
func TestMatching(t *testing.T) {
	for name, test := range map[string]struct {
		events, file string
		matches      bool
	}{
		"a queue by name":               {"sqs:orders=" + store, "sqs", true},
		"another queue":                 {"sqs:order=" + store, "sqs", false},
		"a queue by ARN":                {"sqs:arn:aws:sqs:eu-central-1:123456789012:orders=" + store, "sqs", true},
		"a queue of another region":     {"sqs:arn:aws:sqs:eu-west-1:123456789012:orders=" + store, "sqs", false},
		"a topic by name":               {"sns:news=" + store, "sns", true},
		"a topic is no queue":           {"sqs=" + store, "sns", false},
		"a table by name":               {"dynamodb:items=" + store, "dynamodb", true},
		"a table by ARN":                {"dynamodb:arn:aws:dynamodb:eu-central-1:123456789012:table/items=" + store, "dynamodb", true},
		"another table":                 {"dynamodb:arn:aws:dynamodb:eu-central-1:123456789012:table/item=" + store, "dynamodb", false},
		"a stream of a table by ARN":    {"dynamodb:arn:aws:dynamodb:eu-central-1:123456789012:table/items/stream/2025-11-25T00:00:00.000=" + store, "dynamodb", true},
		"a stream by name":              {"kinesis:clicks=" + store, "kinesis", true},
		"a bucket by ARN":               {"s3:arn:aws:s3:::photos=" + store, "s3", true},
		"a rule by name":                {"schedule:sweep=" + store, "schedule", true},
		"a rule by ARN":                 {"schedule:arn:aws:events:eu-central-1:123456789012:rule/sweep=" + store, "schedule", true},
		"a schedule by name":            {"schedule:sweep=" + store, "scheduler", true},
		"another rule":                  {"schedule:weep=" + store, "schedule", false},
		"a detail-type of any source":   {"eventbridge::Order Placed=" + store, "eventbridge", true},
		"another detail-type":           {"eventbridge:com.example.shop:Order=" + store, "eventbridge", false},
		"another source of events":      {"eventbridge:com.example=" + store, "eventbridge", false},
		"a bus event is no schedule":    {"schedule=" + store, "eventbridge", false},
		"direct invocation is opt-in":   {"sqs=" + store, "direct", false},
		"warm-ups are opt-in":           {"sqs=" + store, "warmer", false},
		"the second of two that differ": {"sqs:other=" + order + ",sqs=" + store, "sqs", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop{}
			_, err := invoke(t, open(t, s, parse(t, test.events)), sample(t, test.file))
			if test.matches != (err == nil) || test.matches != (len(s.calls) > 0) {
				t.Errorf("%v, calls %q", err, s.calls)
			}
			if err == nil && !strings.HasPrefix(s.calls[0], "Store ") {
				t.Errorf("calls %q", s.calls)
			}
		})
	}
}

// An event without a trigger is an error that names the event and the triggers.
func TestUnmatchedAndUnrecognizedEvents(t *testing.T) {
	for payload, want := range map[string][]string{
		sample(t, "sqs"):         {"an event of sqs from arn:aws:sqs:eu-central-1:123456789012:orders;", "these are: sns:news, warmer"},
		sample(t, "eventbridge"): {`source "com.example.shop", detail-type "Order Placed"`, "these are: "},
		sample(t, "direct"):      {"an event of direct;"},
		`{"a":1,"b":2}`:          {`its keys are ["a" "b"]`, "triggers for sqs, sns, eventbridge"},
		`[]`:                     {"an array"},
		`{"Records":[]}`:         {`its keys are ["Records"]`},
		`{"Records":{"a":1}}`:    {`its keys are ["Records"]`},
		`{"Records":[{"eventSource":"aws:kafka"}]}`: {`its keys are ["Records"]`},
	} {
		_, err := open(t, &shop{}, parse(t, "sns:news="+order+",warmer")).Invoke(t.Context(), []byte(payload))
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%.40s: %v does not say %q", payload, err, w)
			}
		}
	}
	_, err := open(t, &shop{}, nil).Invoke(t.Context(), []byte(sample(t, "sqs")))
	var unmatched *trigger.UnmatchedEventError
	if !errors.As(err, &unmatched) || !strings.Contains(err.Error(), "there are none") {
		t.Error(err)
	}
}

type invokerFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f invokerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

func TestFallback_TakesEventsWithoutATrigger(t *testing.T) {
	s := &shop{}
	next := invokerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		info, ok := event.FromContext(ctx)
		if !ok || info.Source != "" || info.InvocationID == "" {
			t.Errorf("info %+v", info)
		}
		return payload, nil
	})
	h := open(t, s, append(parse(t, "sqs:orders="+store+",warmer"), trigger.Fallback(next)))
	for _, payload := range []string{`{"mine":1}`, `"text"`, queueEvent("other", "{}")} {
		if answer, err := invoke(t, h, payload); err != nil || answer != payload {
			t.Errorf("%s: %s, %v", payload, answer, err)
		}
	}
	if answer, err := invoke(t, h, sample(t, "warmer")); err != nil || answer != "{}" {
		t.Errorf("a warm-up: %s, %v", answer, err)
	}
	if _, err := invoke(t, h, sample(t, "sqs")); err != nil || len(s.calls) != 3 {
		t.Errorf("a trigger: %v, calls %q", err, s.calls)
	}
}

func TestNewHandler_ErrorsNameTheTrigger(t *testing.T) {
	svc, err := service.New(t.Context(), transport.InProcess(), (&shop{}).services()...)
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	for name, test := range map[string]struct {
		triggers []trigger.Trigger
		want     []string
	}{
		"an unknown service":           {parse(t, "sqs:q=shop.v1.Shop/Order"), []string{"sqs:q: ", `"shop.v1.Shop/Order"`, "not bound", "test.v1.TriggerService"}},
		"an unknown method":            {parse(t, "sns=test.v1.TriggerService/Buy"), []string{`sns: method "test.v1.TriggerService/Buy"`, "no such method"}},
		"a stream":                     {[]trigger.Trigger{trigger.S3("b", "test.v1.TriggerService/Watch")}, []string{"s3:b: ", "Watch", "unary"}},
		"a service without a method":   {[]trigger.Trigger{trigger.S3("b", "test.v1.TriggerService")}, []string{`"test.v1.TriggerService"`, "orders.v1.Orders/Create"}},
		"two for the same events":      {parse(t, "eventbridge:a:b="+order+",eventbridge:a:b="+store), []string{"eventbridge:a:b: there are two"}},
		"direct, of an unknown one":    {parse(t, "direct=shop.v1.Shop"), []string{"direct=shop.v1.Shop: ", "not bound"}},
		"a fallback without a handler": {[]trigger.Trigger{trigger.Fallback(nil)}, []string{"fallback: ", "nil"}},
		"concurrency of a topic":       {[]trigger.Trigger{trigger.SNS("t", order, trigger.WithConcurrency(2))}, []string{"sns:t: ", "WithConcurrency"}},
		"no concurrency":               {[]trigger.Trigger{trigger.SQS("q", order, trigger.WithConcurrency(0))}, []string{"sqs:q: ", "WithConcurrency(0)"}},
		"concurrency of a FIFO queue":  {[]trigger.Trigger{trigger.SQS("q.fifo", order, trigger.WithConcurrency(2))}, []string{"sqs:q.fifo: ", "WithConcurrency"}},
		"two mistakes, both":           {parse(t, "sqs=a.B/C,sns=d.E/F"), []string{"a.B/C", "d.E/F"}},
	} {
		_, err := trigger.NewHandler(svc, trigger.Config{}, test.triggers...)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
	}
}

func TestParse(t *testing.T) {
	names := func(list string) (names []string) {
		for _, tr := range parse(t, list) {
			names = append(names, tr.String())
		}
		return names
	}
	want := []string{"sqs:orders", "sns", "eventbridge:com.example:Order Placed", "eventbridge::x", "direct=a.B", "direct", "warmer", "schedule:arn:aws:events:r:1:rule/x"}
	got := names("sqs:orders=a.B/C, sns=a.B/C ,eventbridge:com.example:Order Placed=a.B/C,eventbridge::x=a.B/C,direct=a.B,direct,warmer,schedule:arn:aws:events:r:1:rule/x=a.B/C")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, list := range []string{"", ",", "sqs", "sqs=", "sqs=a.B", "sqs=/C", "sqs=a.B/", "sqs=a.B/C,", "SQS=a.B/C", "kafka=a.B/C", "warmer=1", "warmer:x", "direct=", "direct:x=a.B", "sqs=a=b/c", "sqs=a b/c", "fallback"} {
		if triggers, err := trigger.Parse(list); err == nil || !strings.Contains(err.Error(), "want triggers such as") {
			t.Errorf("%q is %v, %v", list, triggers, err)
		}
	}
}
