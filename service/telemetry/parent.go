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

// readFacts reads what the first span of a request uses from reserved
// metadata: the parent in the X-Ray header, and attributes. It returns before
// with the attributes appended.
func readFacts(metadata iter.Seq2[string, string], before []attribute.KeyValue) (parent trace.SpanContext, attributes []attribute.KeyValue) {
	attributes = before
	cold := false
	for key, value := range metadata {
		name, ok := strings.CutPrefix(key, service.ReservedPrefix+"event-")
		if !ok {
			continue
		}
		switch name {
		case "trace-id":
			parent = parseTraceHeader(value)
		case "cold-start":
			cold = true
		case "source":
			attributes = append(attributes, attribute.String("lambda.event.source", value))
		case "request-id":
			attributes = append(attributes, semconv.AWSRequestID(value))
		case "invocation-id":
			attributes = append(attributes, semconv.FaaSInvocationID(value))
		case "client-address":
			attributes = append(attributes, semconv.ClientAddress(value))
		case "account-id":
			attributes = append(attributes, semconv.CloudAccountID(value))
		case "function-arn":
			attributes = append(attributes, semconv.CloudResourceID(value))
		}
	}
	if len(attributes) > len(before) {
		attributes = append(attributes, semconv.FaaSColdstart(cold))
	}
	return parent, attributes
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
