package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A setting is one row of the table. Its flag is its name in lower case with
// dashes.
type setting struct {
	name     string  // name of the environment variable
	flagOnly bool    // it has no environment variable
	in       Program // programs that read it
	serving  Program // programs that read it only without -event
	onEvent  bool    // Server reads it only with -event
	fallback string  // value of an unset or empty variable
	local    string  // the same for Server, if it differs
	platform string  // Lambda's own variable, which counts if this one is unset
	meaning  string
	set      func(*Config, string) error // the error gives the allowed values
}

// lambdaFlag makes the local server an Emulator.
const lambdaFlag = "lambda"

// eventFlag makes the local server handle one event instead of serving.
const eventFlag = "event"

// A Table has the settings of this project, followed by the user's own settings.
type Table struct {
	settings []setting
	own      int // number of the user's own settings
}

// NewTable returns a table with the user's own settings at its end. sources are the
// values of -source, which the function does not need. NewTable fails if a variable
// in own is invalid.
func NewTable(own []service.Variable, sources []string) (*Table, error) {
	t := &Table{settings: settings(sources), own: len(own)}
	for _, v := range own {
		if err := t.add(v); err != nil {
			return nil, fmt.Errorf("variable %q: %w", v.Name, err)
		}
	}
	return t, nil
}

func (t *Table) add(v service.Variable) error {
	s := setting{name: v.Name, in: Function | Server, fallback: v.Default, meaning: v.Meaning}
	switch {
	case v.Name == "" || v.Name[0] < 'A' || v.Name[0] > 'Z' || !onlyOf(v.Name, "_") || v.Name != strings.ToUpper(v.Name):
		return errors.New("want a name of capital letters, digits and underscores that begins with a letter")
	case slices.ContainsFunc(t.settings, func(other setting) bool { return other.flag() == s.flag() }):
		return errors.New("the name is taken: want another one")
	case v.Set == nil:
		return errors.New("field Set is nil: want a function that takes the value")
	}
	s.set = func(_ *Config, value string) error { return v.Set(value) }
	t.settings = append(t.settings, s)
	return nil
}

// Variables returns the names of the environment variables that p reads, in
// the order of the table.
func (t *Table) Variables(p Program) []string {
	var names []string
	for _, s := range t.settings {
		if s.in&p != 0 && !s.flagOnly {
			names = append(names, s.name)
		}
	}
	return names
}

// settings returns all settings in the order of the documentation.
func settings(sources []string) []setting {
	return slices.Concat(sharedSettings(), functionSettings(), serverSettings(), emulatorSettings(sources))
}

func sharedSettings() []setting {
	return []setting{
		{
			name: "TRANSPORT", in: Function | Server, fallback: "unix,bufconn", local: "tcp",
			meaning: "how the gateway reaches the gRPC server: unix, bufconn, inproc or tcp, or several in order of preference",
			set: func(c *Config, v string) (err error) {
				if c.Transport, err = transport.Parse(v); err != nil {
					return want("one of unix, bufconn, inproc, tcp, or several in order of preference, each once, separated by commas")
				}
				return nil
			},
		},
		{
			name: "LOG_LEVEL", in: Function | Server | Emulator, fallback: "info", platform: "AWS_LAMBDA_LOG_LEVEL",
			meaning: "debug, info, warn or error; if it is unset on Lambda, AWS_LAMBDA_LOG_LEVEL counts",
			set:     func(c *Config, v string) error { return parseLevel(&c.LogLevel, v) },
		},
		{
			name: "METRICS", in: Function | Server, serving: Server, fallback: Off, local: Prometheus,
			meaning: "off; the function: emf, CloudWatch Embedded Metric Format in the log; the local server: prometheus, at METRICS_ADDRESS",
			set: func(c *Config, v string) error {
				c.Metrics = v
				if c.Program == Server {
					return oneOf(v, Off, Prometheus)
				}
				return oneOf(v, Off, EMF)
			},
		},
		{
			name: "CORS_ORIGINS", in: Function | Server,
			meaning: "origins of the browser pages that may call, separated by commas, or *; CORS is off if it is empty",
			set:     func(c *Config, v string) error { return parseOrigins(&c.CORSOrigins, v) },
		},
		{
			name: "RPC", in: Function | Server, fallback: "on",
			meaning: "on serves Connect and gRPC-Web beside REST, and gRPC on the local server's HTTP port; off serves only REST",
			set: func(c *Config, v string) error {
				c.RPC = v == "on"
				return oneOf(v, "on", Off)
			},
		},
	}
}

func functionSettings() []setting {
	return []setting{
		{
			name: "EVENTS", in: Function | Server, onEvent: true,
			meaning: "methods that handle events other than HTTP, such as sqs:orders=orders.v1.Orders/Create, separated by commas",
			set: func(c *Config, v string) (err error) {
				c.Triggers, err = trigger.Parse(v)
				return err
			},
		},
		{
			name: "FAIL_ON_5XX", in: Function, fallback: Off,
			meaning: "on turns responses with status 500 or above into errors of the invocation, for asynchronous invocations",
			set: func(c *Config, v string) error {
				c.FailOn5xx = v == "on"
				return oneOf(v, "on", Off)
			},
		},
		{
			name: "RESPONSE_MODE", in: Function, fallback: "buffered",
			meaning: "buffered, or stream for a Function URL or REST API with streaming",
			set: func(c *Config, v string) error {
				c.Stream = v == "stream"
				return oneOf(v, "buffered", "stream")
			},
		},
		{
			name: "BASE_PATH", in: Function,
			meaning: "leading path segments to remove, such as /api",
			set:     func(c *Config, v string) error { return parsePath(&c.BasePath, v) },
		},
		{
			name: "DEADLINE_MARGIN", in: Function, fallback: "500ms",
			meaning: "how long before the function's timeout a call fails with 504",
			set:     func(c *Config, v string) error { return parseDuration(&c.DeadlineMargin, v, 0) },
		},
		{
			name: "METRICS_NAMESPACE", in: Function, fallback: "lambda-grpc-gateway",
			meaning: "the CloudWatch namespace of the metrics",
			set:     func(c *Config, v string) error { return parseNamespace(&c.MetricsNamespace, v) },
		},
		{
			name: "RUNTIME_LIMITS", in: Function, fallback: "auto",
			meaning: "auto derives GOMEMLIMIT, with it GOGC, and GOMAXPROCS from the function's memory unless they are set; off keeps Go's defaults",
			set: func(c *Config, v string) error {
				c.TuneRuntime = v == "auto"
				return oneOf(v, "auto", Off)
			},
		},
	}
}

func serverSettings() []setting {
	address := func(name, fallback, what string, in Program, field func(*Config) *string) setting {
		return setting{
			name: name, in: in, serving: in, fallback: fallback, meaning: "host:port where " + what + " is served, or off",
			set: func(c *Config, v string) error { return parseAddress(field(c), v) },
		}
	}
	duration := func(name, fallback, meaning string, in Program, field func(*Config) *time.Duration) setting {
		return setting{
			name: name, in: in, serving: in, fallback: fallback, meaning: meaning,
			set: func(c *Config, v string) error { return parseDuration(field(c), v, 1) },
		}
	}
	return []setting{
		address("HTTP_ADDRESS", "localhost:8080", "HTTP", Server|Emulator, func(c *Config) *string { return &c.HTTPAddress }),
		address("GRPC_ADDRESS", "localhost:8081", "gRPC", Server, func(c *Config) *string { return &c.GRPCAddress }),
		address("METRICS_ADDRESS", "localhost:9090", "/metrics", Server, func(c *Config) *string { return &c.MetricsAddress }),
		address("DOCS", "localhost:8082", "a page with the methods and the latest calls", Server|Emulator, func(c *Config) *string { return &c.DocsAddress }),
		duration("DRAIN_TIMEOUT", "10s", "how long calls in flight may take after SIGINT or SIGTERM",
			Server|Emulator, func(c *Config) *time.Duration { return &c.DrainTimeout }),
		{
			name: "MAX_BODY_BYTES", in: Server, serving: Server, fallback: "10485760",
			meaning: "the largest body of an HTTP request; a larger one fails with 413",
			set:     func(c *Config, v string) error { return parseCount(&c.MaxBodyBytes, v) },
		},
		duration("BODY_TIMEOUT", "1m", "how long a client may take to send an HTTP request; its header may take at most 10s",
			Server|Emulator, func(c *Config) *time.Duration { return &c.BodyTimeout }),
		duration("IDLE_TIMEOUT", "2m", "how long a connection stays open without a request",
			Server|Emulator, func(c *Config) *time.Duration { return &c.IdleTimeout }),
		{
			name: "MAX_CONNECTIONS", in: Server | Emulator, serving: Server | Emulator, fallback: "4096",
			meaning: "how many connections each address serves at once; further ones wait",
			set:     func(c *Config, v string) error { return parseCount(&c.MaxConnections, v) },
		},
		{
			name: "MAX_STREAMS", in: Server, serving: Server, fallback: "1000",
			meaning: "how many calls a gRPC connection may have at once; further ones wait",
			set:     func(c *Config, v string) error { return parseCount(&c.MaxStreams, v) },
		},
	}
}

func emulatorSettings(sources []string) []setting {
	return []setting{
		{
			name: "LAMBDA", flagOnly: true, in: Emulator,
			meaning: "serve HTTP through the function in this file, in the emulator",
			set: func(c *Config, v string) error {
				if c.FunctionPath = v; v == "" {
					return want("the file of a function")
				}
				return nil
			},
		},
		{
			name: "SOURCE", flagOnly: true, serving: Emulator, in: Emulator, fallback: "http-api",
			meaning: "with -lambda: the event source, one of " + strings.Join(sources, ", "),
			set: func(c *Config, v string) error {
				c.Source = v
				return oneOf(v, sources...)
			},
		},
		{
			name: "STAGE", flagOnly: true, serving: Emulator, in: Emulator,
			meaning: "with -lambda: the API's stage, if the source has stages",
			set:     func(c *Config, v string) error { return parseStage(&c.Stage, v) },
		},
		{
			name: "CLAIMS", flagOnly: true, serving: Emulator, in: Emulator,
			meaning: `with -lambda: a file with the authorizer's result for each caller, such as {"claims": {"sub": "ann"}, "scopes": ["read"]}`,
			set: func(c *Config, v string) error {
				c.ClaimsPath = v
				return nil
			},
		},
		{
			name: "EVENT", flagOnly: true, in: Server | Emulator,
			meaning: "handle the event in this file as Lambda would, print the response and stop; with -lambda, in the function",
			set: func(c *Config, v string) error {
				if c.EventPath = v; v == "" {
					return want("a file with an event in JSON")
				}
				return nil
			},
		},
	}
}
