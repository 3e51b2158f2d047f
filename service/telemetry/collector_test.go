package telemetry_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	metricsv1 "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is an OTLP receiver.
type collector struct {
	url    string
	before func(http.ResponseWriter, *http.Request) bool // whether to take the request; nil: yes

	mu       sync.Mutex
	spans    []*tracev1.Span
	resource map[string]string // of the last spans
	metrics  map[string]*metricsv1.Metric
}

// newCollector starts a collector and sets the environment variables of its
// endpoint.
func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{metrics: map[string]*metricsv1.Metric{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.url = s.URL
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if c.before != nil && !c.before(w, r) {
		return
	}
	if err == nil {
		err = c.take(r.URL.Path, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *collector) take(path string, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if path == "/v1/traces" {
		var request collectortrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			return err
		}
		for _, r := range request.GetResourceSpans() {
			c.resource = attributes(r.GetResource().GetAttributes())
			for _, s := range r.GetScopeSpans() {
				c.spans = append(c.spans, s.GetSpans()...)
			}
		}
		return nil
	}
	var request collectormetrics.ExportMetricsServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return err
	}
	for _, r := range request.GetResourceMetrics() {
		for _, s := range r.GetScopeMetrics() {
			for _, m := range s.GetMetrics() {
				c.metrics[m.GetName()] = m
			}
		}
	}
	return nil
}

// taken returns the spans received so far, by time, and forgets them.
func (c *collector) taken() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []span
	for _, s := range c.spans {
		all = append(all, newSpan(s))
	}
	c.spans = nil
	slices.SortFunc(all, func(a, b span) int { return int(int64(a.start) - int64(b.start)) })
	return all
}

// await waits until n spans have been received.
func (c *collector) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		got := len(c.spans)
		c.mu.Unlock()
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d spans, want %d", got, n)
			return
		}
	}
}

// span holds the parts of a span that tests compare.
type span struct {
	Name, Kind, Trace, ID, Parent, TraceState string

	Links      []string // trace/span
	Attributes map[string]string
	Failed     bool
	start, end uint64
}

func newSpan(s *tracev1.Span) span {
	out := span{
		Name: s.GetName(), Kind: s.GetKind().String()[len("SPAN_KIND_"):], Trace: hex.EncodeToString(s.GetTraceId()),
		ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()), TraceState: s.GetTraceState(),
		Attributes: attributes(s.GetAttributes()), Failed: s.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR, start: s.GetStartTimeUnixNano(), end: s.GetEndTimeUnixNano(),
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links, hex.EncodeToString(l.GetTraceId())+"/"+hex.EncodeToString(l.GetSpanId()))
	}
	return out
}

func attributes(list []*commonv1.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range list {
		switch v := a.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			m[a.GetKey()] = v.StringValue
		default:
			m[a.GetKey()] = a.GetValue().String()
		}
	}
	return m
}
