package emf_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

type noStream struct{ grpc.ServerStream }

func (noStream) Context() context.Context { return context.Background() }

// TestInstrument_MatchesPrometheus passes the same calls to both, in a synctest
// bubble in which they take the same time.
func TestInstrument_MatchesPrometheus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		provider := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
		registry.MustRegister(provider)
		r, out, _ := newRecorder(t, emf.Config{Now: time.Now})
		recorder, err := r.Instrument(service.Host{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			err := []error{nil, errors.New("plain"), status.Error(codes.NotFound, ""), context.DeadlineExceeded, context.Canceled}[i%5]
			took := time.Duration(i*i) * time.Microsecond
			method := fmt.Sprintf("/a.B/M%d", i%3)
			if i%2 == 0 {
				info := &grpc.UnaryServerInfo{FullMethod: method}
				next := func(context.Context, any) (any, error) { time.Sleep(took); return nil, err }
				_, got := provider.UnaryServerInterceptor()(t.Context(), nil, info, func(ctx context.Context, req any) (any, error) {
					return recorder.UnaryInterceptor(ctx, req, info, next)
				})
				if !errors.Is(got, err) {
					t.Errorf("the interceptor returns %v, want %v", got, err)
				}
				continue
			}
			info := &grpc.StreamServerInfo{FullMethod: method, IsServerStream: true}
			next := func(any, grpc.ServerStream) error { time.Sleep(took); return err }
			got := provider.StreamServerInterceptor()(nil, noStream{}, info, func(srv any, s grpc.ServerStream) error {
				return recorder.StreamInterceptor(srv, s, info, next)
			})
			if !errors.Is(got, err) {
				t.Errorf("the interceptor returns %v, want %v", got, err)
			}
		}
		if err := recorder.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want, got := ofPrometheus(t, registry), map[string]float64{}
		for _, m := range parse(t, out.String()) {
			if m.number {
				got[m.name+" "+m.dims] += m.Sum
				continue
			}
			got[m.name+"_count "+m.dims] += float64(m.Count)
			got[m.name+"_sum "+m.dims] += m.Sum
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y float64) bool { return math.Abs(x-y) <= 1e-9*max(x, y) })); diff != "" {
			t.Errorf("(-prometheus +emf):\n%s", diff)
		}
	})
}

// ofPrometheus returns counts and sums as the recorder's lines name them.
func ofPrometheus(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			label := map[string]string{}
			for _, l := range m.GetLabel() {
				label[l.GetName()] = l.GetValue()
			}
			key := fmt.Sprintf(" grpc_service=%s,grpc_method=%s", label["grpc_service"], label["grpc_method"])
			switch family.GetName() {
			case "grpc_server_handled_total":
				all[family.GetName()+key+",grpc_code="+label["grpc_code"]] += m.GetCounter().GetValue()
			case "grpc_server_handling_seconds":
				all[family.GetName()+"_count"+key] += float64(m.GetHistogram().GetSampleCount())
				all[family.GetName()+"_sum"+key] += m.GetHistogram().GetSampleSum()
			}
		}
	}
	return all
}

func BenchmarkCall(b *testing.B) {
	r, err := emf.New(nil, emf.Config{Namespace: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	i, err := r.Instrument(service.Host{})
	if err != nil {
		b.Fatal(err)
	}
	info := &grpc.UnaryServerInfo{FullMethod: "/test.v1.PingService/Ping"}
	next := func(context.Context, any) (any, error) { return nil, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.UnaryInterceptor(b.Context(), nil, info, next); err != nil {
			b.Fatal(err)
		}
	}
}
