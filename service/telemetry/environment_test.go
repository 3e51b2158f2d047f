package telemetry_test

import (
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/telemetry"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

func TestAVariableThatIsNotUnderstoodIsRefused(t *testing.T) {
	for name, values := range map[string][]string{
		"OTEL_SDK_DISABLED":                                 {"yes"},
		"OTEL_TRACES_EXPORTER":                              {"zipkin"},
		"OTEL_METRICS_EXPORTER":                             {"prometheus"},
		"OTEL_LOGS_EXPORTER":                                {"otlp"},
		"OTEL_EXPORTER_OTLP_PROTOCOL":                       {"grpc"},
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL":                {"grpc"},
		"OTEL_EXPORTER_OTLP_COMPRESSION":                    {"zstd"},
		"OTEL_EXPORTER_OTLP_ENDPOINT":                       {"localhost:4318", "http://", "ftp://x"},
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT":               {"::"},
		"OTEL_EXPORTER_OTLP_HEADERS":                        {"secret", "=secret", "a=%zzsecret"},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":                {"grpc://user:secret@localhost"},
		"OTEL_EXPORTER_OTLP_CERTIFICATE":                    {"environment_test.go", "none.pem"},
		"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE":     {"none.pem"},
		"OTEL_EXPORTER_OTLP_CLIENT_KEY":                     {"none.pem"},
		"OTEL_EXPORTER_OTLP_TRACES_INSECURE":                {"maybe"},
		"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT":                   {"few"},
		"OTEL_EXPORTER_OTLP_TIMEOUT":                        {"10s", "-1", "0"},
		"OTEL_BSP_MAX_QUEUE_SIZE":                           {"many"},
		"OTEL_METRIC_EXPORT_INTERVAL":                       {"1m"},
		"OTEL_TRACES_SAMPLER":                               {"sometimes"},
		"OTEL_TRACES_SAMPLER_ARG":                           {"2", "half"},
		"OTEL_PROPAGATORS":                                  {"b3", "none,xray"},
		"OTEL_RESOURCE_ATTRIBUTES":                          {"a"},
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": {"fast"},
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				t.Setenv(name, value)
				_, err := service.New(t.Context(), transport.InProcess(), append(testservice.Options(), telemetry.With())...)
				if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "want ") {
					t.Errorf("the error is %v", err)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows what headers say: %v", err)
				}
			})
		}
	}
}

func TestAnOptionThatMakesNoSenseIsRefused(t *testing.T) {
	_, err := service.New(t.Context(), transport.InProcess(), append(testservice.Options(), telemetry.With(telemetry.WithFlushTimeout(0)))...)
	if err == nil || !strings.Contains(err.Error(), "WithFlushTimeout(0s)") {
		t.Errorf("the error is %v", err)
	}
}

func TestTurnedOff(t *testing.T) {
	for _, name := range []string{"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none", "OTEL_TRACES_SAMPLER=always_off"} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			variable, value, _ := strings.Cut(name, "=")
			t.Setenv(variable, value)
			svc := newService(t, "inproc", telemetry.With())
			ask(t, svc, "GET", "/v1/ping", "")
			if err := svc.Close(); err != nil {
				t.Error(err)
			}
			if n := len(c.taken()); n > 0 {
				t.Errorf("%d spans", n)
			}
			if c.mu.Lock(); variable == "OTEL_SDK_DISABLED" && len(c.metrics) > 0 {
				t.Errorf("metrics %v", c.metrics)
			}
			c.mu.Unlock()
		})
	}
}
