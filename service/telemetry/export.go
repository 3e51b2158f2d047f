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

// warnInterval is the minimum time between two warnings.
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

// failed reports err if it is not nil.
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

// spanExporter reports errors itself. The SDK would write each of them to the
// log of the process.
type spanExporter struct {
	sdktrace.SpanExporter
	report *reporter
}

// ExportSpans implements [sdktrace.SpanExporter]. If the collector closed the
// connection while the process was frozen, it exports again, since net/http
// does not retry a POST.
func (e spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if errors.Is(err, io.EOF) {
		err = e.SpanExporter.ExportSpans(ctx, spans)
	}
	e.report.failed("spans", err)
	return nil
}

// metricExporter is like [spanExporter], for metrics. It does not retry,
// since the next export contains the same metrics.
type metricExporter struct {
	sdkmetric.Exporter
	report *reporter
}

// Export implements [sdkmetric.Exporter].
func (e metricExporter) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	e.report.failed("metrics", e.Exporter.Export(ctx, m))
	return nil
}
