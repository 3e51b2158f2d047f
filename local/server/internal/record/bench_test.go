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
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// batch is how many requests are measured at a time.
const batch = 100

// BenchmarkRequest compares requests to a server that records with those to one
// that does not, in the CPU time of client and server together. The servers take
// turns, batch by batch, and each comes first every other time.
func BenchmarkRequest(b *testing.B) {
	for _, tr := range []transport.Transport{transport.TCP("localhost:0"), transport.InProcess()} {
		b.Run(tr.Name(), func(b *testing.B) {
			off, on := start(b, tr, false), start(b, tr, true)
			var ratios []float64
			for i := 0; b.Loop(); i++ {
				var costs [2]float64 // off, on
				for turn := range costs {
					server := (i + turn) % 2
					costs[server] = request(b, []string{off, on}[server])
				}
				ratios = append(ratios, costs[1]/costs[0])
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "on/off")
		})
	}
}

// start returns the URL of a server.
func start(b *testing.B, tr transport.Transport, recorded bool) string {
	r := record.New(service.Bound(testservice.Options()...), "")
	options := []service.Option{service.WithLogger(slog.New(slog.DiscardHandler))}
	if recorded {
		options = append(options, service.WithObserver(r))
	}
	s, err := service.New(b.Context(), tr, slices.Concat(options, testservice.Options())...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	var h http.Handler = s
	if recorded {
		h = r.Handler(s)
	}
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	return server.URL
}

// request sends a batch of requests and returns the CPU time that they took.
func request(b *testing.B, url string) float64 {
	begin := cpu(b)
	for range batch {
		response, err := http.Post(url+"/v1/echo/7", "application/json", strings.NewReader(`{"text":"hello","tags":["a","b"]}`))
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || !strings.Contains(string(body), `"hello"`) {
			b.Fatalf("%s, %v", body, err)
		}
		response.Body.Close()
	}
	return cpu(b) - begin
}

// cpu is the CPU time that the process has taken, in nanoseconds.
func cpu(b *testing.B) float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}
