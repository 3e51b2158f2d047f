package telemetry

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

// environment holds the variables that the SDK does not read itself.
type environment struct {
	disabled   bool
	traces     bool
	metrics    bool
	interval   time.Duration // between two exports of metrics
	xray       bool
	clients    bool
	propagator propagation.TextMapPropagator // between the gateway and the server
}

// readEnvironment checks all variables, including those that the SDK reads.
// The SDK logs invalid values and continues without them.
func readEnvironment() (environment, error) {
	env := environment{
		disabled:   os.Getenv("OTEL_SDK_DISABLED") == "true",
		traces:     os.Getenv("OTEL_TRACES_EXPORTER") != "none",
		metrics:    os.Getenv("OTEL_METRICS_EXPORTER") != "none",
		interval:   time.Minute,
		propagator: propagation.TraceContext{},
	}
	var errs []error
	for _, v := range variables() {
		for _, name := range v.names {
			if value := os.Getenv(name); value != "" && !v.valid(value) {
				errs = append(errs, fmt.Errorf("%s=%q: want %s", name, shown(name, value), v.want))
			}
		}
	}
	errs = append(errs, checkClientCertificates()...)
	if ms, err := strconv.ParseUint(os.Getenv("OTEL_METRIC_EXPORT_INTERVAL"), 10, 31); err == nil {
		env.interval = time.Duration(ms) * time.Millisecond
	}
	for name := range strings.SplitSeq(cmp.Or(os.Getenv("OTEL_PROPAGATORS"), "xray,tracecontext"), ",") {
		switch strings.TrimSpace(name) {
		case "xray":
			env.xray = true
		case "tracecontext":
			env.clients = true
		case "baggage":
			env.propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
		}
	}
	return env, errors.Join(errs...)
}

// checkClientCertificates loads each client certificate with its key.
func checkClientCertificates() (errs []error) {
	certificates, keys := signals("CLIENT_CERTIFICATE"), signals("CLIENT_KEY")
	for i := range certificates {
		certificate, key := os.Getenv(certificates[i]), os.Getenv(keys[i])
		if certificate == "" && key == "" {
			continue
		}
		if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q, %s=%q: %w: want the files of a certificate and its key, in PEM",
				certificates[i], certificate, keys[i], key, err))
		}
	}
	return errs
}

// shown returns value for an error message. It hides headers, which contain
// secrets, and URLs that may contain a password.
func shown(name, value string) string {
	if strings.HasSuffix(name, "HEADERS") || strings.HasSuffix(name, "ENDPOINT") && strings.Contains(value, "@") {
		return "..."
	}
	return value
}

// A variable is a group of environment variables with the same allowed
// values.
type variable struct {
	names []string
	want  string
	valid func(string) bool
}

const otlp = "OTEL_EXPORTER_OTLP_"

// signals are the names of a variable for all signals, and for each.
func signals(name string) []string {
	return []string{otlp + name, otlp + "TRACES_" + name, otlp + "METRICS_" + name}
}

func variables() []variable {
	return []variable{
		oneOf("true", "false")("OTEL_SDK_DISABLED"),
		oneOf("otlp", "none")("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"),
		oneOf("none")("OTEL_LOGS_EXPORTER"), // log lines go to the output
		oneOf("http/protobuf")(signals("PROTOCOL")...),
		oneOf("gzip", "none")(signals("COMPRESSION")...),
		oneOf("true", "false")(signals("INSECURE")...),
		{signals("CERTIFICATE"), "the file of certificates in PEM", func(s string) bool {
			data, err := os.ReadFile(s)
			return err == nil && x509.NewCertPool().AppendCertsFromPEM(data)
		}},
		oneOf("cumulative", "delta", "lowmemory")(otlp + "METRICS_TEMPORALITY_PREFERENCE"),
		oneOf("explicit_bucket_histogram", "base2_exponential_bucket_histogram")(otlp + "METRICS_DEFAULT_HISTOGRAM_AGGREGATION"),
		oneOf("always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
			"parentbased_traceidratio")("OTEL_TRACES_SAMPLER"),
		{[]string{"OTEL_TRACES_SAMPLER_ARG"}, "a number from 0 to 1", func(s string) bool {
			n, err := strconv.ParseFloat(s, 64)
			return err == nil && n >= 0 && n <= 1
		}},
		{[]string{"OTEL_PROPAGATORS"}, "xray, tracecontext and baggage, or some of them, or none", func(s string) bool {
			return s == "none" || eachOf(s, func(name string) bool { return name == "xray" || name == "tracecontext" || name == "baggage" })
		}},
		{signals("ENDPOINT"), "a URL such as http://localhost:4318", func(s string) bool {
			u, err := url.Parse(s)
			return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
		}},
		{append(signals("HEADERS"), "OTEL_RESOURCE_ATTRIBUTES"), "key=value, or several separated by commas", func(s string) bool {
			return eachOf(s, func(pair string) bool {
				key, value, ok := strings.Cut(pair, "=")
				_, err := url.PathUnescape(value)
				return ok && strings.TrimSpace(key) != "" && err == nil
			})
		}},
		{append(signals("TIMEOUT"), "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_BSP_SCHEDULE_DELAY",
			"OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
			"a whole number; a time is in milliseconds", func(s string) bool {
				n, err := strconv.ParseUint(s, 10, 31)
				return err == nil && n > 0
			}},
		{[]string{"OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
			"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
			"OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT"}, "a whole number, below 0 for no limit", func(s string) bool {
			_, err := strconv.ParseInt(s, 10, 32)
			return err == nil
		}},
	}
}

func oneOf(values ...string) func(names ...string) variable {
	return func(names ...string) variable {
		want := strings.Join(values, ", ")
		if len(values) > 1 {
			want = "one of " + want
		}
		return variable{names, want, func(s string) bool {
			return slices.Contains(values, s)
		}}
	}
}

// eachOf reports whether every element of a comma-separated list is valid.
func eachOf(list string, valid func(string) bool) bool {
	for item := range strings.SplitSeq(list, ",") {
		if !valid(strings.TrimSpace(item)) {
			return false
		}
	}
	return true
}
