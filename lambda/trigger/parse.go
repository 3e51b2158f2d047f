package trigger

import (
	"fmt"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

// Parse parses the value of the variable EVENTS, a list of triggers separated by
// commas:
//
//	sqs:orders=orders.v1.Orders/Create      a queue, by name or ARN
//	sns:topic=METHOD                        a topic, by name or ARN
//	dynamodb:table=METHOD                   a table, by name or ARN
//	kinesis:stream=METHOD                   a stream, by name or ARN
//	s3:bucket=METHOD                        a bucket, by name or ARN
//	schedule:rule=METHOD                    a rule or schedule, by name or ARN
//	eventbridge:source:detail-type=METHOD   events of a bus
//	direct=SERVICE                          direct invocations of a service
//	warmer                                  events that keep the function warm
//
// The part between the source and the = is optional: sqs=METHOD matches any queue.
// The detail-type is optional too. direct alone allows all services.
func Parse(list string) ([]Trigger, error) {
	var triggers []Trigger
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		t, ok := parseTrigger(entry)
		if !ok {
			return nil, fmt.Errorf("trigger %q: want triggers such as sqs:orders=orders.v1.Orders/Create, separated by commas; "+
				"the sources are sqs, sns, dynamodb, kinesis, s3, schedule, eventbridge, direct and warmer", entry)
		}
		triggers = append(triggers, t)
	}
	return triggers, nil
}

func parseTrigger(entry string) (Trigger, bool) {
	what, method, hasMethod := strings.Cut(entry, "=")
	source, name, _ := strings.Cut(what, ":")
	switch event.Source(source) {
	case direct:
		return Direct(method), name == "" && hasMethod == (method != "")
	case warmer:
		return Warmer(), entry == string(warmer)
	case eventBridge:
		name, detailType, _ := strings.Cut(name, ":")
		return EventBridge(name, detailType, method), validMethod(method)
	case sqs, sns, dynamoDB, kinesis, s3, schedule:
		return newTrigger(event.Source(source), name, method, nil), validMethod(method)
	}
	return Trigger{}, false
}

// validMethod reports whether s has the form service/method.
func validMethod(s string) bool {
	service, method, ok := strings.Cut(s, "/")
	return ok && service != "" && method != "" && !strings.ContainsAny(s, " =:")
}
