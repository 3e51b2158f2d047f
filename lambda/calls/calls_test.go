package calls_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/calls"
)

// call is one that both kinds of interceptors see.
type call struct {
	method string
	stream *grpc.StreamServerInfo // nil: unary
	err    error
}

func (c call) through(unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) error {
	if c.stream != nil {
		c.stream.FullMethod = c.method
		return stream(nil, noStream{}, c.stream, func(any, grpc.ServerStream) error { return c.err })
	}
	_, err := unary(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: c.method},
		func(context.Context, any) (any, error) { return nil, c.err })
	return err
}

type noStream struct{ grpc.ServerStream }

func (noStream) Context() context.Context { return context.Background() }

// TestFamiliesAreThoseOfThePrometheusProvider compares with what it stands in
// for, except for the times that calls took.
func TestFamiliesAreThoseOfThePrometheusProvider(t *testing.T) {
	registry := prometheus.NewRegistry()
	provider := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
	registry.MustRegister(provider)
	recorder := calls.New(time.Now)
	for _, c := range []call{
		{method: "/a.B/C"},
		{method: "/a.B/C"},
		{method: "/a.B/C", err: errors.New("plain")},
		{method: "/a.B/C", err: status.Error(codes.NotFound, "none")},
		{method: "/a.B/A", err: context.DeadlineExceeded},
		{method: "/a.A/C", err: context.Canceled},
		{method: "/a.B/S", stream: &grpc.StreamServerInfo{IsServerStream: true}},
		{method: "/a.B/T", stream: &grpc.StreamServerInfo{IsClientStream: true}, err: status.Error(codes.Internal, "")},
		{method: "/a.B/U", stream: &grpc.StreamServerInfo{IsServerStream: true, IsClientStream: true}},
	} {
		for _, err := range []error{
			c.through(provider.UnaryServerInterceptor(), provider.StreamServerInterceptor()),
			c.through(recorder.UnaryServerInterceptor(), recorder.StreamServerInterceptor()),
		} {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: the interceptor returns %v, want %v", c.method, err, c.err)
			}
		}
	}
	want, got := byName(t, registry), byName(t, recorder)
	for _, name := range []string{"grpc_server_handled_total", "grpc_server_handling_seconds"} {
		if diff := cmp.Diff(want[name], got[name], protocmp.Transform(),
			protocmp.IgnoreFields(&dto.MetricFamily{}, "help"),
			protocmp.IgnoreFields(&dto.Counter{}, "created_timestamp"),
			protocmp.IgnoreFields(&dto.Histogram{}, "created_timestamp", "sample_sum"),
		); diff != "" {
			t.Errorf("%s (-provider +recorder):\n%s", name, diff)
		}
	}
}

func byName(t *testing.T, g prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		m[f.GetName()] = f
	}
	return m
}

func TestTimesFallIntoBuckets(t *testing.T) {
	var now time.Time
	recorder := calls.New(func() time.Time { return now })
	for _, d := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond, 10 * time.Second, time.Minute} {
		_, err := recorder.UnaryServerInterceptor()(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/s/m"},
			func(context.Context, any) (any, error) { now = now.Add(d); return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	h := byName(t, recorder)["grpc_server_handling_seconds"].GetMetric()[0].GetHistogram()
	got := make(map[float64]uint64)
	for _, b := range h.GetBucket() {
		got[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	want := map[float64]uint64{.005: 2, .01: 3, .025: 3, .05: 3, .1: 3, .25: 3, .5: 3, 1: 3, 2.5: 3, 5: 3, 10: 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if h.GetSampleCount() != 5 || h.GetSampleSum() != 70.011 {
		t.Errorf("%d calls took %v s, want 5 and 70.011", h.GetSampleCount(), h.GetSampleSum())
	}
}

func TestTransportIsNamedOnceItIsKnown(t *testing.T) {
	recorder := calls.New(time.Now)
	if families := byName(t, recorder); len(families) != 0 {
		t.Errorf("before anything: %v", families)
	}
	recorder.Opened("bufconn")
	recorder.Closed()
	m := byName(t, recorder)["grpc_gateway_transport_info"].GetMetric()
	if len(m) != 1 || m[0].GetGauge().GetValue() != 1 || m[0].GetLabel()[0].GetName() != "transport" || m[0].GetLabel()[0].GetValue() != "bufconn" {
		t.Errorf("metrics %v", m)
	}
}

func TestCallsAtOnceAreAllCounted(t *testing.T) {
	recorder := calls.New(time.Now)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_ = call{method: "/s/m"}.through(recorder.UnaryServerInterceptor(), nil)
				_, _ = recorder.Gather()
			}
		})
	}
	wg.Wait()
	if n := byName(t, recorder)["grpc_server_handled_total"].GetMetric()[0].GetCounter().GetValue(); n != 800 {
		t.Errorf("%v calls, want 800", n)
	}
}
