package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// A Handler calls gRPC methods for events. It implements [event.Invoker]; pass it
// to [event.WithFallback]. It is safe for concurrent use.
type Handler struct {
	conn     grpc.ClientConnInterface
	json     runtime.Marshaler
	logger   *slog.Logger
	margin   time.Duration
	triggers []target
	direct   map[string]*method // by name
}

// A target is a trigger with its method.
type target struct {
	Trigger
	method *method
}

// Config configures a [Handler].
type Config struct {
	// Logger is the logger for each item that fails or is dropped. The default
	// is slog.Default().
	Logger *slog.Logger
	// DeadlineMargin is how long before the invocation's deadline all calls end,
	// which leaves time to respond. It is at most half of the time that is left.
	// The default is none; function.Main sets it from DEADLINE_MARGIN.
	DeadlineMargin time.Duration
}

// NewHandler returns a Handler that calls the methods of svc. Make svc with
// service.WithReservedMetadata([Metadata]), so its handlers get the metadata of
// triggers. The error names each invalid trigger, for example one with an unknown
// method, or a second trigger for the same events.
func NewHandler(svc *service.Service, c Config, triggers ...Trigger) (*Handler, error) {
	h := &Handler{conn: svc.Conn(), json: svc.JSON(), logger: c.Logger, margin: max(c.DeadlineMargin, 0), direct: map[string]*method{}}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	h.logger = slog.New(service.NewLogHandler(h.logger.Handler())) // whose panics are errors
	services := svc.GetServiceInfo()
	seen := map[string]bool{}
	var errs []error
	for _, t := range triggers {
		target, err := h.newTarget(t, services)
		if err == nil && seen[t.String()] {
			err = errors.New("there are two such triggers: want one")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("trigger: %s: %w", t, err))
		}
		seen[t.String()] = true
		h.triggers = append(h.triggers, target)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *Handler) newTarget(t Trigger, services map[string]grpc.ServiceInfo) (target, error) {
	switch t.source {
	case warmer:
		return target{Trigger: t}, nil
	case fallback:
		if t.fallback == nil {
			return target{}, errors.New("want a handler, not nil")
		}
		return target{Trigger: t}, nil
	case direct:
		return target{Trigger: t}, h.allowDirect(t.name, services)
	}
	if n := t.concurrency; n != nil {
		if t.source != sqs || strings.HasSuffix(t.name, ".fifo") {
			return target{}, errors.New("WithConcurrency: want it only for a queue that is not FIFO")
		}
		if *n < 1 {
			return target{}, fmt.Errorf("WithConcurrency(%d): want at least 1", *n)
		}
	}
	m, err := methodNamed(services, t.method)
	return target{t, m}, err
}

// Invoke handles one event. For a queue or a stream the response reports the items
// that failed; for other sources a failed call is a [FailedError]. The error is an
// [UnmatchedEventError] for an event without a trigger, and wraps
// event.ErrUnrecognized for an event that no trigger can match.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	a, err := recognize(payload)
	if err == nil {
		for i := range h.triggers {
			if t := &h.triggers[i]; t.matches(&a) {
				return h.handle(ctx, t, &a)
			}
		}
	}
	for i := range h.triggers {
		switch t := &h.triggers[i]; {
		case t.source == warmer && a.warmUp:
			return []byte("{}"), nil
		case t.source == fallback:
			return t.fallback.Invoke(ctx, payload)
		}
	}
	if errors.Is(err, event.ErrUnrecognized) {
		err = unrecognizedError{}
	} else if err == nil {
		err = h.unmatched(&a)
	}
	return nil, err
}

// unrecognizedError is event.ErrUnrecognized with a message that lists the sources
// of triggers.
type unrecognizedError struct{}

func (unrecognizedError) Error() string {
	return "there can be triggers for sqs, sns, eventbridge, schedule, dynamodb, kinesis, s3, direct and warmer"
}

func (unrecognizedError) Is(target error) bool { return target == event.ErrUnrecognized }

// handle makes the calls for an event.
func (h *Handler) handle(ctx context.Context, t *target, a *arrival) ([]byte, error) {
	switch t.source {
	case warmer:
		return []byte("{}"), nil
	case direct:
		return h.callDirectly(ctx, a.records[0])
	}
	b := batch{handler: h, target: t, ordered: a.source != sqs || strings.HasSuffix(a.arn, ".fifo")}
	for _, record := range a.records {
		item, err := decode(a.source, record)
		if err != nil {
			err = errType(err)
			if item.receipt == "" {
				return nil, malformed(a.source, err)
			}
			err = &decodeError{err}
		}
		b.items = append(b.items, item)
		b.results = append(b.results, result{malformed: err})
	}
	ctx, cancel := h.withDeadline(ctx)
	defer cancel()
	b.run(ctx)
	return b.answer()
}

// decode decodes a record into an Item. An error fails only this item if the
// item has a receipt, and otherwise the whole event.
func decode(source event.Source, record json.RawMessage) (Item, error) {
	switch source {
	case sqs:
		return sqsItem(record)
	case sns:
		return snsItem(record)
	case dynamoDB:
		return dynamoDBItem(record)
	case kinesis:
		return kinesisItem(record)
	case s3:
		return s3Item(record)
	}
	return busItem(source, record)
}

// withDeadline returns a context that ends early enough to respond.
func (h *Handler) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	margin := min(h.margin, max(time.Until(deadline), 0)/2)
	return context.WithDeadline(ctx, deadline.Add(-margin))
}

// An UnmatchedEventError reports an event of a known source without a trigger.
type UnmatchedEventError struct{ reason string }

func (e *UnmatchedEventError) Error() string { return "trigger: " + e.reason }

func (h *Handler) unmatched(a *arrival) error {
	names := make([]string, len(h.triggers))
	for i := range h.triggers {
		names[i] = h.triggers[i].String()
	}
	what := string(a.source)
	switch {
	case a.source == eventBridge:
		what = fmt.Sprintf("%s, source %q, detail-type %q", what, clip(a.name), clip(a.detailType))
	case a.arn != "":
		what += " from " + clip(a.arn)
	}
	have := "there are none: set EVENTS or use trigger.With"
	if len(names) > 0 {
		have = "these are: " + strings.Join(names, ", ")
	}
	return &UnmatchedEventError{fmt.Sprintf("no trigger takes an event of %s; %s", what, have)}
}

// clip shortens a name for an error's message.
func clip(name string) string {
	const longest = 256
	return strings.ToValidUTF8(name[:min(len(name), longest)], "\uFFFD")
}
