package telemetry_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
)

// The calls for the messages of a batch are in the trace of the invocation, and
// each is linked to the trace of its sender.
func TestOneTraceABatch(t *testing.T) {
	const record = `{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:pings",
		"messageId": %q, "body": "{}", "attributes": {"ApproximateReceiveCount": "1"%s}}`
	batch := fmt.Sprintf(`{"Records": [`+record+","+record+","+record+`]}`,
		"m-1", `, "AWSTraceHeader": "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=`+clientSpan+`;Sampled=1"`,
		"m-2", `, "AWSTraceHeader": "Root=nonsense"`,
		"m-3", "")
	for _, transportName := range transports {
		for name, test := range map[string]struct {
			env, xray     string
			trace, parent string
			link          string // of the first message
		}{
			"X-Ray's":               {xray: xrayHeader, trace: xrayTrace, parent: xrayParent, link: clientTrace + "/" + clientSpan},
			"none":                  {link: clientTrace + "/" + clientSpan},
			"X-Ray's is not wanted": {env: "tracecontext", xray: xrayHeader},
		} {
			t.Run(transportName+", "+name, func(t *testing.T) {
				c := newCollector(t)
				t.Setenv("OTEL_PROPAGATORS", test.env)
				svc := newService(t, transportName, telemetry.With(), service.WithReservedMetadata(trigger.Metadata))
				h, err := trigger.NewHandler(svc, trigger.Config{},
					trigger.SQS("pings", testv1.PingService_Ping_FullMethodName, trigger.WithConcurrency(1)))
				if err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if test.xray != "" {
					ctx = context.WithValue(ctx, "x-amzn-trace-id", test.xray) //nolint:staticcheck,revive // the key of aws-lambda-go
				}
				answer, err := event.NewHandler(svc, event.WithFallback(h)).Invoke(ctx, []byte(batch))
				if err != nil || string(answer) != `{"batchItemFailures":[]}` {
					t.Fatalf("%s, %v", answer, err)
				}
				flush(t, svc)
				checkBatch(t, c.taken(), test.trace, test.parent, test.link)
			})
		}
	}
}

// checkBatch checks the spans of a batch of three messages of which only the
// first has a sender.
func checkBatch(t *testing.T, spans []span, trace, parent, link string) {
	t.Helper()
	if len(spans) != 6 {
		t.Fatalf("%d spans, want 6: %+v", len(spans), spans)
	}
	for i, id := range []string{"m-1", "m-2", "m-3"} {
		client, server := spans[2*i], spans[2*i+1]
		if client.Kind != "CLIENT" || server.Kind != "SERVER" || client.Parent != parent || server.Parent != client.ID ||
			server.Trace != client.Trace || trace != "" && client.Trace != trace {
			t.Errorf("the spans of %s are %+v", id, spans[2*i:2*i+2])
		}
		var links []string
		if i == 0 && link != "" {
			links = []string{link}
		}
		if !slices.Equal(client.Links, links) || len(server.Links) > 0 {
			t.Errorf("the links of %s are %q and %q, want %q", id, client.Links, server.Links, links)
		}
		for key, want := range map[string]string{"lambda.event.source": "sqs", "aws.request_id": id, "rpc.method": "test.v1.PingService/Ping"} {
			if got := client.Attributes[key]; got != want {
				t.Errorf("%s: %s is %q, want %q", id, key, got, want)
			}
		}
	}
	if trace == "" && (spans[0].Trace == spans[2].Trace || spans[0].Trace == clientTrace) {
		t.Errorf("the traces are %s and %s, want new ones", spans[0].Trace, spans[2].Trace)
	}
}
