package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// config is what the environment says.
type config struct {
	transport      transport.Transport
	logLevel       slog.Level
	logJSON        bool
	stream         bool
	basePath       string
	emf            bool
	corsOrigins    []string
	rpc            bool
	deadlineMargin time.Duration
}

// A variable is one environment variable that the function reads.
type variable struct {
	Name    string
	Default string // what an unset or empty one means
	Meaning string
	set     func(*config, string) error
}

// variables is all of them, in the order in which they are documented.
func variables() []variable {
	return []variable{
		{
			Name: "TRANSPORT", Default: "unix,bufconn",
			Meaning: "how the gateway reaches the gRPC server: unix, bufconn, inproc or tcp, or several in order of preference",
			set: func(c *config, v string) (err error) {
				c.transport, err = transport.Parse(v)
				return err
			},
		},
		{
			Name: "LOG_LEVEL", Default: "info",
			Meaning: "debug, info, warn or error; when unset, AWS_LAMBDA_LOG_LEVEL counts",
			set:     func(c *config, v string) error { return parseLevel(&c.logLevel, v) },
		},
		{
			Name: "RESPONSE_MODE", Default: "buffered",
			Meaning: "buffered, or stream for a Function URL or REST API that streams",
			set: func(c *config, v string) error {
				c.stream = v == "stream"
				return oneOf(v, "buffered", "stream")
			},
		},
		{
			Name:    "BASE_PATH",
			Meaning: "leading segments of the path to strip, such as /api",
			set: func(c *config, v string) error {
				c.basePath = v
				return nil
			},
		},
		{
			Name: "METRICS", Default: "off",
			Meaning: "off, or emf to write CloudWatch Embedded Metric Format to the log",
			set: func(c *config, v string) error {
				c.emf = v == "emf"
				return oneOf(v, "off", "emf")
			},
		},
		{
			Name:    "CORS_ORIGINS",
			Meaning: "origins whose browser pages may call, separated by commas, or *; none turns CORS off",
			set: func(c *config, v string) error {
				for origin := range strings.SplitSeq(v, ",") {
					if origin = strings.TrimSpace(origin); origin != "" {
						c.corsOrigins = append(c.corsOrigins, origin)
					}
				}
				return nil
			},
		},
		{
			Name: "RPC", Default: "on",
			Meaning: "on, or off to serve REST alone, without Connect and gRPC-Web",
			set: func(c *config, v string) error {
				c.rpc = v == "on"
				return oneOf(v, "on", "off")
			},
		},
		{
			Name: "DEADLINE_MARGIN", Default: "500ms",
			Meaning: "how long before the function's timeout a call is answered with 504, such as 500ms",
			set: func(c *config, v string) (err error) {
				if c.deadlineMargin, err = time.ParseDuration(v); err == nil && c.deadlineMargin < 0 {
					err = errors.New("want a duration that is not negative")
				}
				return err
			},
		},
	}
}

// readConfig reads the environment through getenv. Its error names every
// variable that is wrong, its value and what is allowed.
func readConfig(getenv func(string) string) (config, error) {
	c := config{logJSON: getenv("AWS_LAMBDA_LOG_FORMAT") == "JSON"}
	var errs []error
	for _, v := range variables() {
		value := getenv(v.Name)
		if value == "" {
			value = v.Default
			if v.Name == "LOG_LEVEL" {
				value = platformLevel(getenv("AWS_LAMBDA_LOG_LEVEL"))
			}
		}
		if value == "" {
			continue
		}
		if err := v.set(&c, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", v.Name, value, err))
		}
	}
	return c, errors.Join(errs...)
}

func oneOf(value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(allowed, ", "))
}

func parseLevel(level *slog.Level, s string) error {
	if err := oneOf(strings.ToLower(s), "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return level.UnmarshalText([]byte(s))
}

// platformLevel is the LOG_LEVEL for an AWS_LAMBDA_LOG_LEVEL, which knows two
// more levels than slog.
func platformLevel(s string) string {
	switch s {
	case "":
		return "info"
	case "TRACE":
		return "debug"
	case "FATAL":
		return "error"
	default:
		return s
	}
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "bootstrap is the Lambda function: it talks to the Lambda Runtime API and takes no flags.\n"+
		"To run it on this machine: make run-lambda. It reads these environment variables:")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range variables() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Name, v.Default, v.Meaning)
	}
	_ = t.Flush()
}
