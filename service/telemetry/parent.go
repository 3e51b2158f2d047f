package telemetry

import (
	"iter"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// maxFacts is how many attributes a span has of the platform's metadata: the
// six of readFacts's switch, faas.coldstart and faas.trigger.
const maxFacts = 8

// facts are what the first span of a request uses from reserved metadata.
type facts struct {
	parent     trace.SpanContext // in the X-Ray header
	sender     trace.SpanContext // of a message: package lambda/trigger has it
	attributes []attribute.KeyValue
}

// readFacts reads reserved metadata. It appends to attributes.
func readFacts(metadata iter.Seq2[string, string], attributes []attribute.KeyValue) facts {
	f := facts{attributes: attributes}
	cold := false
	for key, value := range metadata {
		name, ok := strings.CutPrefix(key, service.ReservedPrefix)
		if !ok {
			continue
		}
		var fact attribute.Key
		switch name {
		case "event-trace-id":
			f.parent = parseTraceHeader(value)
			continue
		case "trigger-trace-id":
			f.sender = parseTraceHeader(value)
			continue
		case "event-cold-start":
			cold = true
			continue
		case "event-source":
			fact = "lambda.event.source"
		case "event-request-id":
			fact = semconv.AWSRequestIDKey
		case "event-invocation-id":
			fact = semconv.FaaSInvocationIDKey
		case "event-client-address":
			fact = semconv.ClientAddressKey
		case "event-account-id":
			fact = semconv.CloudAccountIDKey
		case "event-function-arn":
			fact = semconv.CloudResourceIDKey
		default:
			continue
		}
		f.attributes = append(f.attributes, fact.String(valid(value)))
	}
	if len(f.attributes) > len(attributes) {
		f.attributes = append(f.attributes, semconv.FaaSColdstart(cold))
	}
	return f
}

// parseTraceHeader parses an X-Ray trace header, as the X-Ray developer guide
// defines it ("Tracing header"), such as
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
//
// It ignores other fields. The result is invalid unless both ids are present.
// A header without a sampling decision counts as sampled, so that the sampler
// decides.
func parseTraceHeader(header string) trace.SpanContext {
	c := trace.SpanContextConfig{Remote: true, TraceFlags: trace.FlagsSampled}
	for field := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "Root":
			id, ok := strings.CutPrefix(value, "1-")
			if !ok || len(id) != 33 || id[8] != '-' {
				return trace.SpanContext{}
			}
			c.TraceID, _ = trace.TraceIDFromHex(id[:8] + id[9:]) // the zero id on error
		case "Parent":
			c.SpanID, _ = trace.SpanIDFromHex(value)
		case "Sampled":
			c.TraceFlags = c.TraceFlags.WithSampled(value != "0")
		}
	}
	return trace.NewSpanContext(c)
}
