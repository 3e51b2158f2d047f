package trigger_test

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// The messages of a queue become calls of a method. The second one fails, and is
// delivered again.
func ExampleNewHandler() {
	orders := &shop{serve: func(_ context.Context, request proto.Message) error {
		order := request.(*testv1.OrderRequest)
		if order.GetItem() == "tea" {
			return status.Error(codes.Unavailable, "no tea yet")
		}
		fmt.Println("ordered:", order.GetQuantity(), order.GetItem())
		return nil
	}}
	svc, err := service.New(context.Background(), transport.InProcess(),
		append(orders.services(), service.WithReservedMetadata(trigger.Metadata))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	triggers, err := trigger.NewHandler(svc, trigger.Config{},
		trigger.SQS("orders", testv1.TriggerService_Order_FullMethodName, trigger.WithConcurrency(1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := event.NewHandler(svc, event.WithFallback(triggers))
	answer, err := handler.Invoke(context.Background(), []byte(`{"Records": [
		{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders",
		 "messageId": "m-1", "body": "{\"item\": \"coffee\", \"quantity\": 2}"},
		{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders",
		 "messageId": "m-2", "body": "{\"item\": \"tea\"}"}
	]}`))
	fmt.Println(string(answer), err)
	// Output:
	// ordered: 2 coffee
	// {"batchItemFailures":[{"itemIdentifier":"m-2"}]} <nil>
}

func ExampleParse() {
	triggers, err := trigger.Parse("sqs:orders=orders.v1.Orders/Create,schedule=orders.v1.Orders/Sweep,warmer")
	for _, t := range triggers {
		fmt.Println(t)
	}
	fmt.Println(err)
	_, err = trigger.Parse("pigeon=orders.v1.Orders/Create")
	fmt.Println(err)
	// Output:
	// sqs:orders
	// schedule
	// warmer
	// <nil>
	// want triggers such as sqs:orders=orders.v1.Orders/Create, separated by commas; the sources are sqs, sns, dynamodb, kinesis, s3, schedule, eventbridge, direct and warmer
}
