package service_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// BenchmarkInterceptors compares a request through a Service, which logs and
// recovers, with one through the same gateway on the bare transport. The two
// alternate, so that other load on the machine affects both. ratio is the
// median.
func BenchmarkInterceptors(b *testing.B) {
	for _, name := range []string{"inproc", "bufconn", "unix"} {
		b.Run("transport="+name, func(b *testing.B) {
			tr, err := transport.Parse(name)
			if err != nil {
				b.Fatal(err)
			}
			bare := bareGateway(b, tr)
			svc, err := service.New(b.Context(), tr, bindPing(), service.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil))))
			if err != nil {
				b.Fatal(err)
			}
			defer svc.Close()
			const turn = 50
			requests(b, bare, turn)
			requests(b, svc, turn)
			var ratios []float64
			for b.Loop() {
				without := requests(b, bare, turn)
				with := requests(b, svc, turn)
				ratios = append(ratios, float64(with)/float64(without))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
		})
	}
}

func bareGateway(b *testing.B, tr transport.Transport) http.Handler {
	conn, err := tr.Open(b.Context(), transport.ServerConfig{Register: func(r grpc.ServiceRegistrar) {
		testv1.RegisterPingServiceServer(r, testservice.PingService{})
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	mux := runtime.NewServeMux()
	if err := testv1.RegisterPingServiceHandlerClient(context.Background(), mux, testv1.NewPingServiceClient(conn)); err != nil {
		b.Fatal(err)
	}
	return mux
}

// requests makes n requests and returns the total time.
func requests(b *testing.B, h http.Handler, n int) time.Duration {
	r := httptest.NewRequest(http.MethodGet, "/v1/ping", nil)
	r.Header.Set("User-Agent", "curl/8.9.1")
	recorders := make([]*httptest.ResponseRecorder, n)
	for i := range recorders {
		recorders[i] = httptest.NewRecorder()
	}
	start := time.Now()
	for _, w := range recorders {
		h.ServeHTTP(w, r)
	}
	took := time.Since(start)
	for _, w := range recorders {
		if w.Code != 200 || w.Body.String() != `{"message":"Pong"}` {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	return took
}
