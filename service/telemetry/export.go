package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// warnInterval is the least time between two warnings.
const warnInterval = time.Minute

// A reporter counts failures, and logs some of them.
type reporter struct {
	logger   *slog.Logger
	failures atomic.Int64

	mu         sync.Mutex
	warned     time.Time
	suppressed int
}

func newReporter(logger *slog.Logger) *reporter { return &reporter{logger: logger} }

// failed reports err, if it is not nil.
func (r *reporter) failed(what string, err error) {
	if err == nil {
		return
	}
	r.failures.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.warned.IsZero() || now.Sub(r.warned) >= warnInterval {
		r.logger.Warn("telemetry was not exported", "what", what, "error", err, "not_logged", r.suppressed)
		r.warned, r.suppressed = now, 0
		return
	}
	r.suppressed++
}

// spanExporter reports errors itself. The SDK would write them to the log of the
// process, one by one.
type spanExporter struct {
	sdktrace.SpanExporter
	report *reporter
}

// ExportSpans implements [sdktrace.SpanExporter]. It exports once more on a
// connection that the collector closed while the process was frozen: net/http
// does not repeat a POST.
func (e spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if errors.Is(err, io.EOF) {
		err = e.SpanExporter.ExportSpans(ctx, spans)
	}
	e.report.failed("spans", err)
	return nil
}

// metricExporter is [spanExporter] for metrics, of which the next export has
// what one did not bring.
type metricExporter struct {
	sdkmetric.Exporter
	report *reporter
}

// Export implements [sdkmetric.Exporter].
func (e metricExporter) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	e.report.failed("metrics", e.Exporter.Export(ctx, m))
	return nil
}
