package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
)

// warning is the message that is logged about a collector.
const warning = "telemetry was not exported"

// TestACollectorThatFails checks that requests succeed, flushes end, and one
// warning is logged.
func TestACollectorThatFails(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300") // ends exports that a flush has left running
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"hangs": func(_ http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			return false
		},
		"refuses": func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "on purpose", http.StatusForbidden)
			return false
		},
		"is overloaded": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		},
		"answers garbage": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write([]byte("\xff\xff\xff"))
			return false
		},
		"breaks off": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			c.before = before
			checkFailingCollector(t)
		})
	}
	t.Run("is not there", func(t *testing.T) {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		checkFailingCollector(t)
	})
}

func checkFailingCollector(t *testing.T) {
	t.Helper()
	var log bytes.Buffer
	svc := newService(t, "inproc",
		telemetry.With(telemetry.WithFlushTimeout(20*time.Millisecond)),
		service.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	for range 20 {
		ask(t, svc, "GET", "/v1/ping", "")
		flush(t, svc)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := svc.Flush(ctx); err != nil {
		t.Error(err)
	}
	if err := svc.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), warning); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d warnings, want 1 and nothing else:\n%s", n, &log)
	}
}

// A Service that has no time left to close leaves no goroutine behind, which
// TestMain checks.
func TestCloseWithoutTime(t *testing.T) {
	newCollector(t)
	svc := newService(t, "inproc", telemetry.With(telemetry.WithFlushTimeout(time.Nanosecond)))
	ask(t, svc, "GET", "/v1/ping", "")
	if err := svc.Close(); err != nil {
		t.Error(err)
	}
}

// The collector responds only after the client has its response, so the test
// hangs if the response waits for the collector.
func TestTheAnswerDoesNotWaitForTheCollector(t *testing.T) {
	c := newCollector(t)
	answered := make(chan struct{})
	var early atomic.Bool
	c.before = func(http.ResponseWriter, *http.Request) bool {
		select {
		case <-answered:
		default:
			early.Store(true)
		}
		return true
	}
	for _, transportName := range transports {
		svc := newService(t, transportName, telemetry.With())
		ask(t, svc, "GET", "/v1/ping", "")
	}
	if spans := c.taken(); len(spans) > 0 || early.Load() {
		t.Errorf("%d spans were exported before the flush", len(spans))
	}
	close(answered)
}

// The second export uses a connection that the collector has closed.
func TestAConnectionThatTheCollectorHasClosed(t *testing.T) {
	c := newCollector(t)
	var requests atomic.Int32
	c.before = func(http.ResponseWriter, *http.Request) bool {
		if requests.Add(1) == 2 {
			panic(http.ErrAbortHandler) // without an answer, as if it had been closed before
		}
		return true
	}
	svc := newService(t, "inproc", telemetry.With())
	for range 2 {
		ask(t, svc, "GET", "/v1/ping", "")
		flush(t, svc)
		if n := len(c.taken()); n != 3 {
			t.Errorf("%d spans, want 3", n)
		}
	}
}
