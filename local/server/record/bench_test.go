package record_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// BenchmarkRequest compares a request to a server that records with one to a
// server that does not, in the CPU time of client and server together.
func BenchmarkRequest(b *testing.B) {
	for _, tr := range []transport.Transport{transport.TCP("localhost:0"), transport.InProcess()} {
		for _, recorded := range []bool{false, true} {
			name := tr.Name() + "/off"
			if recorded {
				name = tr.Name() + "/on"
			}
			b.Run(name, func(b *testing.B) { benchmarkRequest(b, tr, recorded) })
		}
	}
}

func benchmarkRequest(b *testing.B, tr transport.Transport, recorded bool) {
	r := record.New(service.Bound(testservice.Options()...), "")
	options := []service.Option{service.WithLogger(slog.New(slog.DiscardHandler))}
	if recorded {
		options = append(options, service.WithObserver(r))
	}
	s, err := service.New(b.Context(), tr, slices.Concat(options, testservice.Options())...)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var h http.Handler = s
	if recorded {
		h = r.Handler(s)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	begin := cpu(b)
	for b.Loop() {
		response, err := http.Post(server.URL+"/v1/echo/7", "application/json", strings.NewReader(`{"text":"hello","tags":["a","b"]}`))
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || !strings.Contains(string(body), `"hello"`) {
			b.Fatalf("%s, %v", body, err)
		}
		response.Body.Close()
	}
	b.ReportMetric((cpu(b)-begin)/float64(b.N), "cpu-ns/op")
}

// cpu is the CPU time that the process has taken, in nanoseconds.
func cpu(b *testing.B) float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}
