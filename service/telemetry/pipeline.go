package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
)

// A pipeline consists of the providers and the functions that export their
// data.
type pipeline struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
	last    []func(context.Context) error // export the remaining data

	report   *reporter
	timeout  time.Duration
	interval time.Duration

	mu          sync.Mutex
	pausedUntil time.Time
	measured    time.Time // when metrics were last flushed
}

func (c *config) newPipeline(env environment, report *reporter) (*pipeline, error) {
	p := &pipeline{
		tracers: c.tracers, meters: c.meters,
		report: report, timeout: c.flushTimeout, interval: env.interval, measured: time.Now(),
	}
	for _, own := range []any{p.tracers, p.meters} {
		if f, ok := own.(flusher); ok {
			p.last = append(p.last, f.ForceFlush)
		}
	}
	if p.tracers != nil && p.meters != nil {
		return p, nil
	}
	r, err := newResource()
	if err != nil {
		return nil, err
	}
	if p.tracers == nil {
		if err := p.addTraces(env, r); err != nil {
			return nil, err
		}
	}
	if p.meters == nil {
		if err := p.addMetrics(env, r); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// collector is the default endpoint of the OTLP specification, which differs
// from the SDK's.
const collector = "http://localhost:4318/v1/"

// retryInterval is short enough for retries within a flush.
const retryInterval = 100 * time.Millisecond

func (p *pipeline) addTraces(env environment, r *resource.Resource) error {
	if !env.traces {
		p.tracers = nooptrace.NewTracerProvider()
		return nil
	}
	options := []otlptracehttp.Option{otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
		Enabled: true, InitialInterval: retryInterval, MaxInterval: p.timeout, MaxElapsedTime: p.timeout,
	})}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		options = append(options, otlptracehttp.WithEndpointURL(collector+"traces"))
	}
	exporter, err := otlptracehttp.New(context.Background(), options...)
	if err != nil {
		return fmt.Errorf("making the exporter of spans: %w", err)
	}
	processor := sdktrace.NewBatchSpanProcessor(spanExporter{exporter, p.report})
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(r), sdktrace.WithSpanProcessor(processor))
	p.tracers, p.last = provider, append(p.last, func(ctx context.Context) error {
		// If ctx has ended, the provider does not stop its processor.
		return errors.Join(provider.Shutdown(ctx), processor.Shutdown(ctx))
	})
	return nil
}

func (p *pipeline) addMetrics(env environment, r *resource.Resource) error {
	if !env.metrics {
		p.meters = noopmetric.NewMeterProvider()
		return nil
	}
	options := []otlpmetrichttp.Option{otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{
		Enabled: true, InitialInterval: retryInterval, MaxInterval: p.timeout, MaxElapsedTime: p.timeout,
	})}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") == "" {
		options = append(options, otlpmetrichttp.WithEndpointURL(collector+"metrics"))
	}
	exporter, err := otlpmetrichttp.New(context.Background(), options...)
	if err != nil {
		return fmt.Errorf("making the exporter of metrics: %w", err)
	}
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(r),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricExporter{exporter, p.report})),
	)
	p.meters, p.last = provider, append(p.last, provider.Shutdown)
	return nil
}

// flusher is implemented by the SDK's providers.
type flusher interface {
	ForceFlush(context.Context) error
}

// flush exports the recorded data until ctx ends, metrics at most once per
// interval. It reports errors.
func (p *pipeline) flush(ctx context.Context) {
	begin := time.Now()
	p.mu.Lock()
	paused := begin.Before(p.pausedUntil)
	measure := !paused && begin.Sub(p.measured) >= p.interval
	if measure {
		p.measured = begin
	}
	p.mu.Unlock()
	if paused {
		return
	}
	failures := p.report.failures.Load()
	if f, ok := p.tracers.(flusher); ok {
		p.report.failed("spans", recovered(ctx, f.ForceFlush))
	}
	if f, ok := p.meters.(flusher); ok && measure {
		p.report.failed("metrics", recovered(ctx, f.ForceFlush))
	}
	if p.report.failures.Load() == failures {
		return
	}
	end := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pausedUntil = end.Add(10 * end.Sub(begin))
}

// close exports the remaining data and shuts down the pipeline's own
// providers. It does so concurrently and within the flush timeout, since
// there is little time between SIGTERM and SIGKILL.
func (p *pipeline) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(p.last))
	for i, export := range p.last {
		wg.Go(func() { errs[i] = recovered(ctx, export) })
	}
	wg.Wait()
	p.report.failed("the last of it", errors.Join(errs...))
	return nil
}

// recovered calls export. It returns a panic, of a provider that the program
// built, as an error.
func recovered(ctx context.Context, export func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return export(ctx)
}

// newResource describes the program. On Lambda it uses the function's
// environment. Elsewhere the service has the default name of OpenTelemetry's
// specification. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
func newResource() (*resource.Resource, error) {
	name := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	attributes := []attribute.KeyValue{semconv.ServiceName(cmp.Or(name, "unknown_service:"+filepath.Base(os.Args[0])))}
	if name != "" {
		attributes = append(attributes,
			semconv.CloudProviderAWS, semconv.CloudPlatformAWSLambda, semconv.CloudRegion(os.Getenv("AWS_REGION")),
			semconv.FaaSName(name), semconv.FaaSVersion(os.Getenv("AWS_LAMBDA_FUNCTION_VERSION")),
			semconv.FaaSInstance(os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME")), semconv.AWSLogGroupNames(os.Getenv("AWS_LAMBDA_LOG_GROUP_NAME")))
		if megabytes, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); err == nil {
			attributes = append(attributes, semconv.FaaSMaxMemory(megabytes<<20))
		}
	}
	r, err := resource.New(context.Background(),
		resource.WithSchemaURL(semconv.SchemaURL), resource.WithTelemetrySDK(), resource.WithAttributes(attributes...), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describing the program: %w", err)
	}
	return r, nil
}
