package trigger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	triggerv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/lambdagrpc/trigger/v1"
	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A shop is a TriggerService that keeps the calls it gets.
type shop struct {
	testv1.UnimplementedTriggerServiceServer

	// serve decides on the error of a call; nil is none.
	serve func(ctx context.Context, request proto.Message) error

	mu    sync.Mutex
	calls []string // method and request
	seen  []metadata.MD
}

func (s *shop) call(ctx context.Context, method string, request proto.Message) error {
	text, err := protojson.Marshal(request)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	text, _ = json.Marshal(value) // without protojson's random spaces, with sorted keys
	md, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	s.calls = append(s.calls, method+" "+string(text))
	s.seen = append(s.seen, md)
	s.mu.Unlock()
	if s.serve == nil {
		return nil
	}
	return s.serve(ctx, request)
}

func (s *shop) Order(ctx context.Context, r *testv1.OrderRequest) (*testv1.OrderResponse, error) {
	return &testv1.OrderResponse{Item: r.GetItem(), Quantity: r.GetQuantity()}, s.call(ctx, "Order", r)
}

func (s *shop) Store(ctx context.Context, r *structpb.Struct) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.call(ctx, "Store", r)
}

func (s *shop) Handle(ctx context.Context, r *triggerv1.Event) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.call(ctx, "Handle", r)
}

// services are the shop and one that is called over HTTP.
func (s *shop) services() []service.Option {
	return []service.Option{
		service.Bind[testv1.TriggerServiceServer](testv1.RegisterTriggerServiceServer, testv1.NewTriggerServiceClient,
			func(context.Context, *runtime.ServeMux, testv1.TriggerServiceClient) error { return nil }, s),
		service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient, testservice.PingService{}),
	}
}

// open returns a handler of events like that of package function.
func open(t testing.TB, s *shop, triggers []trigger.Trigger, options ...service.Option) *event.Handler {
	t.Helper()
	return openLogging(t, s, t.Output(), triggers, options...)
}

func openLogging(t testing.TB, s *shop, log io.Writer, triggers []trigger.Trigger, options ...service.Option) *event.Handler {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(log, nil))
	options = append(s.services(), options...)
	svc, err := service.New(t.Context(), transport.InProcess(), append(options,
		service.WithLogger(logger), service.WithReservedMetadata(trigger.Metadata))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := trigger.NewHandler(svc, trigger.Config{Logger: logger}, triggers...)
	if err != nil {
		t.Fatal(err)
	}
	return event.NewHandler(svc, event.WithFallback(h), event.WithLogger(logger))
}

// invoke passes an event to h as Lambda does.
func invoke(t testing.TB, h *event.Handler, payload string) (string, error) {
	t.Helper()
	response, err := emulator.InProcess(h).Do(t.Context(), emulator.Request{Payload: []byte(payload)})
	return string(response.Payload), err
}

func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t testing.TB, list string) []trigger.Trigger {
	t.Helper()
	triggers, err := trigger.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return triggers
}

// queueEvent is an event of a queue with a message of each body, whose ids are
// "0", "1" and so on.
func queueEvent(queue string, bodies ...string) string {
	var records []string
	for i, body := range bodies {
		quoted, _ := json.Marshal(body)
		records = append(records, fmt.Sprintf(`{"messageId":"%d","body":%s,"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:%s"}`, i, quoted, queue))
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// failures returns the items that a response reports.
func failures(t testing.TB, answer string) []string {
	t.Helper()
	var report struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal([]byte(answer), &report); err != nil || report.BatchItemFailures == nil {
		t.Fatalf("answer %s: %v", answer, err)
	}
	items := []string{}
	for _, f := range report.BatchItemFailures {
		items = append(items, f.ItemIdentifier)
	}
	return items
}

const (
	order  = "test.v1.TriggerService/Order"
	store  = "test.v1.TriggerService/Store"
	handle = "test.v1.TriggerService/Handle"
)
