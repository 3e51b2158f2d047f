package trigger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
)

// batches returns how many batches TestEachMessageIsHandledOrReported sends:
// TRIGGER_BATCHES, or few.
func batches(t *testing.T) int {
	v := os.Getenv("TRIGGER_BATCHES")
	if v == "" {
		return 100
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("TRIGGER_BATCHES=%q: %v", v, err)
	}
	return n
}

// Messages in batches of ten, some of which fail in one of several ways: each is
// handled or reported, and none is both.
func TestEachMessageIsHandledOrReported(t *testing.T) {
	var handled sync.Map
	s := &shop{serve: func(_ context.Context, request proto.Message) error {
		fields := request.(*structpb.Struct).AsMap()
		switch fields["fate"] {
		case "retry":
			return status.Error(codes.Unavailable, "later")
		case "plain":
			return errors.New("no status")
		case "panic":
			panic("in a handler")
		}
		if _, again := handled.LoadOrStore(fields["id"], true); again {
			t.Errorf("%v was handled twice", fields["id"])
		}
		if fields["fate"] == "drop" {
			return status.Error(codes.InvalidArgument, "never")
		}
		return nil
	}}
	h := openLogging(t, s, io.Discard, []trigger.Trigger{trigger.SQS("", store)})
	random := rand.New(rand.NewPCG(1, 2))
	fates := []string{"", "", "", "retry", "plain", "panic", "drop", "text"}
	for batch := range batches(t) {
		var bodies, want []string
		for i := range 10 {
			fate := fates[random.IntN(len(fates))]
			body := fmt.Sprintf(`{"id":"%d-%d","fate":%q}`, batch, i, fate)
			if fate == "text" {
				body = "no JSON"
			}
			if fate != "" && fate != "drop" {
				want = append(want, fmt.Sprint(i))
			}
			bodies = append(bodies, body)
		}
		answer, err := invoke(t, h, queueEvent("orders", bodies...))
		if err != nil {
			t.Fatal(err)
		}
		reported := failures(t, answer)
		if diff := cmp.Diff(want, append([]string(nil), reported...)); diff != "" {
			t.Fatalf("batch %d: %s", batch, diff)
		}
		for i := range 10 {
			_, done := handled.Load(fmt.Sprintf("%d-%d", batch, i))
			if done == slices.Contains(reported, fmt.Sprint(i)) {
				t.Errorf("batch %d, message %d: handled is %v", batch, i, done)
			}
		}
	}
}

func TestOrderAndTheFirstFailure(t *testing.T) {
	fail := func(_ context.Context, request proto.Message) error {
		switch request.(*testv1.OrderRequest).GetItem() {
		case "fails":
			return status.Error(codes.Unavailable, "later")
		case "drops":
			return status.Error(codes.InvalidArgument, "never")
		}
		return nil
	}
	for name, test := range map[string]struct {
		queue    string
		triggers []trigger.Trigger
		calls    []string
		failed   []string
	}{
		"FIFO: all after the first failure are reported": {
			"q.fifo", []trigger.Trigger{trigger.SQS("", order)},
			[]string{"a", "drops", "b", "fails"}, []string{"3", "4", "5"},
		},
		"FIFO: nothing is dropped": {
			"q.fifo", []trigger.Trigger{trigger.SQS("", order, trigger.WithDropped())},
			[]string{"a", "drops"}, []string{"1", "2", "3", "4", "5"},
		},
		"FIFO: every failure is dropped": {
			"q.fifo", []trigger.Trigger{trigger.SQS("", order, trigger.WithDropped(codes.Unavailable, codes.InvalidArgument))},
			[]string{"a", "drops", "b", "fails", "c", "d"}, []string{},
		},
		"one at a time: only the failure is reported": {
			"q", []trigger.Trigger{trigger.SQS("", order, trigger.WithConcurrency(1))},
			[]string{"a", "drops", "b", "fails", "c", "d"}, []string{"3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop{serve: fail}
			var bodies, calls []string
			for _, item := range []string{"a", "drops", "b", "fails", "c", "d"} {
				bodies = append(bodies, fmt.Sprintf(`{"item":%q}`, item))
			}
			answer, err := invoke(t, open(t, s, test.triggers), queueEvent(test.queue, bodies...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.failed, failures(t, answer)); diff != "" {
				t.Error(diff)
			}
			for _, call := range s.calls {
				calls = append(calls, strings.TrimSuffix(strings.TrimPrefix(call, `Order {"item":"`), `"}`))
			}
			if diff := cmp.Diff(test.calls, calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The trigger sets the number of calls at once. That many calls wait for each
// other, and there are never more.
func TestConcurrency(t *testing.T) {
	const limit = 3
	var now, most atomic.Int64
	together := make(chan struct{})
	s := &shop{serve: func(ctx context.Context, _ proto.Message) error {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == limit {
			for range 10_000 { // in which more could begin
				runtime.Gosched()
			}
			select {
			case <-together:
			default:
				close(together)
			}
		}
		select {
		case <-together:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	bodies := slices.Repeat([]string{`{"item":"x"}`}, 40)
	answer, err := invoke(t, open(t, s, []trigger.Trigger{trigger.SQS("", order, trigger.WithConcurrency(limit))}), queueEvent("q", bodies...))
	if err != nil || len(failures(t, answer)) > 0 || most.Load() != limit {
		t.Errorf("%s, %v; %d at once, want %d", answer, err, most.Load(), limit)
	}
}

// Each call gets its share of the time left, so a slow call leaves time for the
// others. The deadlines are so far away that a busy machine does not matter.
func TestDeadlineIsShared(t *testing.T) {
	var left []time.Duration
	s := &shop{serve: func(ctx context.Context, _ proto.Message) error {
		deadline, ok := ctx.Deadline()
		if !ok {
			return errors.New("no deadline")
		}
		left = append(left, time.Until(deadline))
		return nil
	}}
	h := open(t, s, []trigger.Trigger{trigger.SQS("", order)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	answer, err := h.Invoke(ctx, []byte(queueEvent("q.fifo", `{}`, `{}`, `{}`, `{}`)))
	if err != nil || len(failures(t, string(answer))) > 0 {
		t.Fatalf("%s, %v", answer, err)
	}
	for i, want := range []time.Duration{15 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour} {
		if left[i] > want || left[i] < want-5*time.Minute {
			t.Errorf("call %d has %v, want %v", i, left[i], want)
		}
	}
}

// An invocation without time left makes no calls and reports all items.
func TestNoTimeLeft(t *testing.T) {
	s := &shop{}
	h := open(t, s, []trigger.Trigger{trigger.SQS("", order)})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	answer, err := h.Invoke(ctx, []byte(queueEvent("q", `{}`, `{}`)))
	if diff := cmp.Diff([]string{"0", "1"}, failures(t, string(answer))); err != nil || diff != "" || len(s.calls) > 0 {
		t.Errorf("%v, calls %q: %s", err, s.calls, diff)
	}
}

// An item that cannot be decoded fails and is never dropped. The log names the
// field.
func TestItemsThatCannotBeDecoded(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"a field of another type": {`{"quantity":"many"}`, `quantity`},
		"no JSON":                 {`hello`, `decoding: `},
		"an empty body":           {``, `decoding: `},
		"two values":              {`{} {}`, `decoding: `},
		"an array":                {`[]`, `decoding: `},
		"invalid UTF-8 by escape": {`{"item":"\ud800"}`, `\\ud800`},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := &shop{}
			h := openLogging(t, s, &log, []trigger.Trigger{trigger.SQS("", order, trigger.WithDropped(codes.Unknown, codes.InvalidArgument))})
			answer, err := invoke(t, h, queueEvent("q", test.body, `{"item":"good"}`))
			if diff := cmp.Diff([]string{"0"}, failures(t, answer)); err != nil || diff != "" {
				t.Error(err, diff)
			}
			if diff := cmp.Diff([]string{`Order {"item":"good"}`}, s.calls); diff != "" {
				t.Error(diff)
			}
			line := lineWith(log.String(), "trigger: item failed")
			for _, want := range []string{"level=ERROR", "id=0", "method=" + order, "code=InvalidArgument", test.want} {
				if !strings.Contains(line, want) {
					t.Errorf("no %q in %s", want, line)
				}
			}
		})
	}
}

func TestDroppedItemsAreErrorsInTheLog(t *testing.T) {
	var log bytes.Buffer
	s := &shop{serve: func(context.Context, proto.Message) error { return status.Error(codes.AlreadyExists, "made before") }}
	answer, err := invoke(t, openLogging(t, s, &log, []trigger.Trigger{trigger.SNS("", order)}), sample(t, "sns"))
	line := lineWith(log.String(), "trigger: item dropped")
	if err != nil || answer != "{}" || !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "made before") || !strings.Contains(line, "code=AlreadyExists") {
		t.Errorf("%s, %v, %q in\n%s", answer, err, line, &log)
	}
}

func lineWith(log, text string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

// A codec makes the requests. If it panics or ends its goroutine, only its own item
// fails.
func TestCodec(t *testing.T) {
	s := &shop{}
	codec := func(item trigger.Item, request proto.Message) error {
		switch name, quantity, _ := strings.Cut(string(item.Body), ","); quantity {
		case "1":
			request.(*testv1.OrderRequest).Item, request.(*testv1.OrderRequest).Quantity = name, 1
			return nil
		case "panic":
			panic("in a codec")
		case "exit":
			runtime.Goexit()
		}
		return errors.New("want a name and a quantity")
	}
	h := open(t, s, []trigger.Trigger{trigger.SQS("", order, trigger.WithCodec(codec))})
	answer, err := invoke(t, h, queueEvent("q", "x,panic", "y,1", "z", "x,exit"))
	if diff := cmp.Diff([]string{"0", "2", "3"}, failures(t, answer)); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if diff := cmp.Diff([]string{`Order {"item":"y","quantity":"1"}`}, s.calls); diff != "" {
		t.Error(diff)
	}
}

// A nilError has a method that panics on a nil pointer.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// The calls run on the batch's own goroutines, so only the batch can recover a panic.
func TestAPanicFailsItsItemAlone(t *testing.T) {
	codec := func(item trigger.Item, _ proto.Message) error {
		if string(item.Body) == "nil" {
			var none *nilError
			return none
		}
		return nil
	}
	h := open(t, &shop{}, []trigger.Trigger{trigger.SQS("", order, trigger.WithCodec(codec), trigger.WithDropped(codes.Unknown))})
	answer, err := invoke(t, h, queueEvent("q", "a", "nil", "b"))
	if diff := cmp.Diff([]string{"1"}, failures(t, answer)); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestAnyConcurrencyIsShared(t *testing.T) {
	s := &shop{}
	answer, err := invoke(t, open(t, s, []trigger.Trigger{trigger.SQS("", order, trigger.WithConcurrency(math.MaxInt))}), queueEvent("q", "{}", "{}", "{}"))
	if diff := cmp.Diff([]string{}, failures(t, answer)); err != nil || diff != "" || len(s.calls) != 3 {
		t.Error(err, diff, s.calls)
	}
}

// An item whose call was never made is not dropped, whichever codes drop items.
func TestWithoutTimeNothingIsDropped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &shop{}
	all := trigger.WithDropped(codes.Canceled, codes.DeadlineExceeded, codes.Unknown)
	answer, err := open(t, s, []trigger.Trigger{trigger.SQS("", order, all)}).Invoke(ctx, []byte(queueEvent("q", "{}", "{}")))
	if diff := cmp.Diff([]string{"0", "1"}, failures(t, string(answer))); err != nil || diff != "" || len(s.calls) > 0 {
		t.Error(err, diff, s.calls)
	}
}

// If the source delivers whole events again, a failure fails the invocation.
func TestFailureOfAnAsynchronousEvent(t *testing.T) {
	for file, events := range map[string]string{
		"sns": "sns=" + store, "eventbridge": "eventbridge=" + store, "schedule": "schedule=" + store, "s3": "s3=" + store,
	} {
		s := &shop{serve: func(context.Context, proto.Message) error { return status.Error(codes.Unavailable, "later") }}
		_, err := invoke(t, open(t, s, parse(t, events)), sample(t, file))
		var failed *trigger.FailedError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), store) || !strings.Contains(err.Error(), "later") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestMalformedRecords(t *testing.T) {
	for name, test := range map[string]struct{ payload, want string }{
		"a message without an id":      {`{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`, "messageId"},
		"a record without a number":    {`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":""}}]}`, "kinesis.sequenceNumber"},
		"a change without a number":    {`{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{}}]}`, "dynamodb.SequenceNumber"},
		"a topic that is a number":     {`{"Records":[{"eventSource":"aws:sns","Sns":{"TopicArn":1}}]}`, "TopicArn is a JSON number"},
		"a time that is none":          {`{"source":"s","detail-type":"d","detail":{},"time":"secret"}`, "RFC 3339"},
		"a tumbling window":            {`{"Records":[{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1"}}],"window":{}}`, "tumbling window"},
		"a second record of no object": {`{"Records":[{"eventSource":"aws:sns","Sns":{}},7]}`, "number"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop{}
			all := parse(t, "sqs="+store+",sns="+store+",kinesis="+store+",dynamodb="+store+",eventbridge="+store)
			_, err := invoke(t, open(t, s, all), test.payload)
			var malformed *trigger.MalformedEventError
			if !errors.As(err, &malformed) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %q", err, test.want)
			}
			if len(s.calls) > 0 {
				t.Errorf("calls %q", s.calls)
			}
		})
	}
	// A record with a sequence number that cannot be decoded fails alone.
	for _, attribute := range []string{`{"S":1}`, `{"X":"y"}`, `{}`, `{"N":"one"}`, `{"N":"1","S":"1"}`, `7`, strings.Repeat(`{"L":[`, 100) + `{"S":"deep"}` + strings.Repeat(`]}`, 100)} {
		s := &shop{}
		good := `{"eventSource":"aws:dynamodb","eventID":"1","dynamodb":{"SequenceNumber":"1","NewImage":{"a":{"S":"x"}}}}`
		bad := `{"eventSource":"aws:dynamodb","eventID":"2","dynamodb":{"SequenceNumber":"2","NewImage":{"a":` + attribute + `}}}`
		answer, err := invoke(t, open(t, s, parse(t, "dynamodb="+store)), `{"Records":[`+good+`,`+bad+`,`+good+`]}`)
		if diff := cmp.Diff([]string{"2"}, failures(t, answer)); err != nil || diff != "" || len(s.calls) != 1 {
			t.Errorf("%.20s: %v, %d calls: %s", attribute, err, len(s.calls), diff)
		}
	}
}
