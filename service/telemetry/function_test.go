package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metricsv1 "go.opentelemetry.io/proto/otlp/metrics/v1"
	"go.uber.org/goleak"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
)

// runAsFunction is the environment variable that makes this test binary run
// as a function, with telemetry unless its value is "plain".
const runAsFunction = "TELEMETRY_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if kind := os.Getenv(runAsFunction); kind != "" {
		options := []service.Option{bindLogging(),
			service.Bind[testv1.EchoServiceServer](testv1.RegisterEchoServiceServer, testv1.NewEchoServiceClient,
				testv1.RegisterEchoServiceHandlerClient, testservice.EchoService{}),
		}
		if kind != "plain" {
			options = append(options, telemetry.With())
		}
		function.Main(options...)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// logging is a PingService that logs.
type logging struct{ testservice.PingService }

func (l logging) Ping(ctx context.Context, r *testv1.PingRequest) (*testv1.PingResponse, error) {
	slog.InfoContext(ctx, "in the handler")
	return l.PingService.Ping(ctx, r)
}

func bindLogging() service.Option {
	return service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient,
		testv1.RegisterPingServiceHandlerClient, logging{})
}

// startFunction starts this binary as a function that exports to c.
func startFunction(t testing.TB, c *collector, config emulator.Config, env ...string) (*emulator.Function, *testlog.Buffer) {
	t.Helper()
	out := &testlog.Buffer{}
	config.Path, _ = os.Executable()
	config.Env = append([]string{runAsFunction + "=traced", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_BSP_SCHEDULE_DELAY=3600000"}, env...)
	config.TempDir, config.Stdout, config.Stderr = t.TempDir(), out, out
	fn, err := emulator.Start(context.Background(), config)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := fn.Close(); err != nil {
			t.Error(err)
		}
	})
	return fn, out
}

func frontDoor(t testing.TB, fn emulator.Invoker, source frontdoor.Source, options ...frontdoor.Option) http.Handler {
	t.Helper()
	door, err := frontdoor.New(fn, source, options...)
	if err != nil {
		t.Fatal(err)
	}
	return door
}

// freezes returns the number of requests that TestEverySpanIsExportedOnce
// sends.
func freezes(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("TELEMETRY_REQUESTS"))
	if err != nil {
		return 40
	}
	return n
}

// TestEverySpanIsExportedOnce freezes the process whenever it waits for an
// invocation, and at random in between. No timer causes an export.
func TestEverySpanIsExportedOnce(t *testing.T) {
	for _, mode := range []string{"buffered", "stream"} {
		for _, transportName := range transports {
			t.Run(mode+", "+transportName, func(t *testing.T) {
				c := newCollector(t)
				fn, out := startFunction(t, c, emulator.Config{Freeze: true}, "TRANSPORT="+transportName, "RESPONSE_MODE="+mode)
				var options []frontdoor.Option
				if mode == "stream" {
					options = append(options, frontdoor.WithStreaming())
				}
				door := frontDoor(t, fn, frontdoor.FunctionURL, options...)
				stop := freezeAtRandom(t, fn)
				n := freezes(t) / len(transports)
				for i := range n {
					target := []string{"/v1/ping", "/v1/echo/7/stream?count=3"}[i%2]
					ask(t, door, "GET", target, "", "X-Amzn-Trace-Id", fmt.Sprintf("Root=1-5759e988-%024x;Parent=53995c3f42cd8ad8;Sampled=1", i+1))
				}
				stop()
				c.await(t, 3*n) // before SIGTERM, which would export them too
				if err := fn.Close(); err != nil {
					t.Fatal(err)
				}
				traces, ids := map[string]int{}, map[string]bool{}
				for _, s := range c.taken() {
					traces[s.Trace]++
					if ids[s.ID] {
						t.Errorf("span %s was exported twice", s.ID)
					}
					ids[s.ID] = true
				}
				for trace, spans := range traces {
					if spans != 3 {
						t.Errorf("%d spans in trace %s, want 3", spans, trace)
					}
				}
				if len(traces) != n || strings.Contains(out.String(), warning) {
					t.Errorf("%d traces, want %d\n%s", len(traces), n, out)
				}
			})
		}
	}
}

// freezeAtRandom stops and continues the process until stop is called.
func freezeAtRandom(t *testing.T, fn *emulator.Function) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(rand.N(5 * time.Millisecond)):
			}
			if err := fn.Pause(); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(rand.N(3 * time.Millisecond))
			if err := fn.Resume(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// Lines that a handler logs with slog's default logger have the ids, in the
// function.
func TestLinesOfAHandlerHaveItsIDs(t *testing.T) {
	c := newCollector(t)
	for _, transportName := range transports {
		t.Run(transportName, func(t *testing.T) {
			fn, out := startFunction(t, c, emulator.Config{}, "TRANSPORT="+transportName)
			door := frontDoor(t, fn, frontdoor.HTTPAPI)
			for range 2 {
				ask(t, door, "GET", "/v1/ping", "", "X-Amzn-Trace-Id", xrayHeader)
			}
			if err := fn.Close(); err != nil {
				t.Fatal(err)
			}
			spans := map[string]bool{}
			for _, s := range c.taken() {
				spans[s.ID] = s.Kind == "SERVER"
			}
			lines, cold := 0, 0
			for line := range strings.Lines(out.String()) {
				if !strings.Contains(line, "in the handler") && !strings.Contains(line, "finished call") {
					continue
				}
				lines++
				fields := fieldsOf(line)
				if fields["trace_id"] != xrayTrace || !spans[fields["span_id"]] || fields["requestId"] == "" ||
					fields["source"] != "http-api" || fields["grpc.method"] != "Ping" {
					t.Errorf("the line is %s", line)
				}
				if fields["coldStart"] == "true" {
					cold++
				}
				if strings.Count(line, "grpc.method=") != 1 || strings.Count(line, "requestId=") != 1 {
					t.Errorf("a key is there twice: %s", line)
				}
			}
			if lines != 4 || cold != 2 {
				t.Errorf("%d lines, %d of a cold start, want 4 and 2:\n%s", lines, cold, out)
			}
		})
	}
}

// fieldsOf parses a line of slog.TextHandler.
func fieldsOf(line string) map[string]string {
	fields := map[string]string{}
	for pair := range strings.FieldsSeq(line) {
		key, value, _ := strings.Cut(pair, "=")
		fields[key] = value
	}
	return fields
}

// BenchmarkAnswer measures the time from an event to its response, which must
// not depend on the collector. Between two requests there is time for the work
// after the response. The functions are drawn at random, since a request is faster
// soon after the work of another function.
func BenchmarkAnswer(b *testing.B) {
	for _, transportName := range []string{"inproc", "unix"} {
		b.Run(transportName, func(b *testing.B) { benchmarkAnswer(b, transportName) })
	}
}

func benchmarkAnswer(b *testing.B, transportName string) {
	kinds := []string{"plain", "traced", "slow-collector"}
	doors, times := map[string]http.Handler{}, map[string][]time.Duration{}
	for _, kind := range kinds {
		c := &collector{metrics: map[string]*metricsv1.Metric{}, before: func(http.ResponseWriter, *http.Request) bool {
			if kind == "slow-collector" {
				time.Sleep(40 * time.Millisecond)
			}
			return true
		}}
		s := httptest.NewServer(c)
		b.Cleanup(s.Close)
		c.url = s.URL
		fn, _ := startFunction(b, c, emulator.Config{}, runAsFunction+"="+kind, "LOG_LEVEL=error", "TRANSPORT="+transportName)
		doors[kind] = frontDoor(b, fn, frontdoor.HTTPAPI)
	}
	for b.Loop() {
		for range kinds {
			kind := kinds[rand.N(len(kinds))]
			time.Sleep(50 * time.Millisecond)
			w := httptest.NewRecorder()
			begin := time.Now()
			doors[kind].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
			times[kind] = append(times[kind], time.Since(begin))
			if w.Code != http.StatusOK {
				b.Fatal(w.Code, w.Body)
			}
		}
	}
	plain := median(times["plain"])
	b.ReportMetric(float64(plain.Microseconds()), "µs-plain")
	for _, kind := range kinds[1:] {
		b.ReportMetric(float64(median(times[kind]))/float64(plain), kind+"/plain")
	}
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
