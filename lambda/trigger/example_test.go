package trigger_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

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

// Triggers are options of the program, like the services that they call. The first
// one that matches an event handles it.
func ExampleWith() {
	options := []service.Option{trigger.With(
		trigger.SQS("orders", "orders.v1.Orders/Create", trigger.WithConcurrency(4)),
		trigger.SNS("", "orders.v1.Orders/Announce"),
		trigger.EventBridge("com.example.shop", "Order Placed", "orders.v1.Orders/Create"),
		trigger.Schedule("nightly", "orders.v1.Orders/Sweep"),
		trigger.DynamoDB("orders", "orders.v1.Orders/Index", trigger.WithDropped(codes.InvalidArgument)),
		trigger.Kinesis("clicks", "orders.v1.Orders/Count"),
		trigger.S3("invoices", "orders.v1.Orders/File"),
		trigger.Direct("orders.v1.Orders"),
		trigger.Warmer(),
	)}
	for _, t := range trigger.Of(options...) {
		fmt.Println(t)
	}
	// Output:
	// sqs:orders
	// sns
	// eventbridge:com.example.shop:Order Placed
	// schedule:nightly
	// dynamodb:orders
	// kinesis:clicks
	// s3:invoices
	// direct=orders.v1.Orders
	// warmer
}

// A codec reads messages that are not JSON.
func ExampleWithCodec() {
	lines := func(item trigger.Item, request proto.Message) error {
		quantity, name, ok := strings.Cut(string(item.Body), " ")
		n, err := strconv.ParseInt(quantity, 10, 64)
		if !ok || err != nil {
			return fmt.Errorf("want a quantity and an item, not %q", item.Body)
		}
		order := request.(*testv1.OrderRequest)
		order.Quantity, order.Item = n, name
		return nil
	}
	orders := &shop{serve: func(_ context.Context, request proto.Message) error {
		fmt.Println(request.(*testv1.OrderRequest).GetItem())
		return nil
	}}
	svc, err := service.New(context.Background(), transport.InProcess(), orders.services()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	triggers, err := trigger.NewHandler(svc, trigger.Config{},
		trigger.SNS("", testv1.TriggerService_Order_FullMethodName, trigger.WithCodec(lines)))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = triggers.Invoke(context.Background(), []byte(`{"Records": [{"EventSource": "aws:sns", "Sns": {
		"TopicArn": "arn:aws:sns:eu-central-1:123456789012:orders", "MessageId": "m-1", "Message": "2 coffee"
	}}]}`))
	fmt.Println(err)
	// Output:
	// coffee
	// <nil>
}

func ExampleParse() {
	triggers, err := trigger.Parse("sqs:orders=orders.v1.Orders/Create,schedule=orders.v1.Orders/Sweep,warmer")
	for _, t := range triggers {
		fmt.Println(t)
	}
	fmt.Println(err)
	_, err = trigger.Parse("warmer,pigeon=orders.v1.Orders/Create")
	fmt.Println(err)
	// Output:
	// sqs:orders
	// schedule
	// warmer
	// <nil>
	// trigger "pigeon=orders.v1.Orders/Create": want triggers such as sqs:orders=orders.v1.Orders/Create, separated by commas; the sources are sqs, sns, dynamodb, kinesis, s3, schedule, eventbridge, direct and warmer
}
