package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// config is what the flags say and, where a flag is not given, the
// environment.
type config struct {
	transport      transport.Transport
	logLevel       slog.Level
	corsOrigins    []string
	rpc            bool
	httpAddress    string
	grpcAddress    string // or off
	metricsAddress string // or off
	drainTimeout   time.Duration

	lambda      string // the function binary; empty means no function
	source      emulator.Source
	stage       string
	basePath    string
	stream      bool
	functionEnv []string // KEY=value
}

// off stands for an address where nothing is served.
const off = "off"

// A setting is one flag that takes text.
type setting struct {
	flag     string
	variable string // gives the default where it is set
	fallback string
	usage    string
	set      func(string) error
}

func (c *config) settings() []setting {
	address := func(p *string) func(string) error {
		return func(v string) error {
			if *p = v; v != off && !strings.Contains(v, ":") {
				return errors.New("want host:port, or off")
			}
			return nil
		}
	}
	return []setting{
		{
			"transport", "TRANSPORT", "tcp",
			"how the gateway reaches the gRPC server: unix, bufconn, inproc or tcp,\nor several in order of preference",
			func(v string) (err error) {
				c.transport, err = transport.Parse(v)
				return err
			},
		},
		{"log-level", "LOG_LEVEL", "info", "debug, info, warn or error", func(v string) error {
			if c.logLevel.UnmarshalText([]byte(v)) != nil || strings.ContainsAny(v, "+-") {
				return errors.New("want one of debug, info, warn, error")
			}
			return nil
		}},
		{
			"cors-origins", "CORS_ORIGINS", "", "origins whose browser pages may call, separated by commas, or *",
			func(v string) error {
				c.corsOrigins = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
				return nil
			},
		},
		{"rpc", "RPC", "on", "on, or off to serve REST alone over HTTP, without Connect, gRPC-Web and gRPC", func(v string) error {
			if c.rpc = v == "on"; v != "on" && v != off {
				return errors.New("want one of on, off")
			}
			return nil
		}},
		{"http-address", "", "localhost:8080", "`host:port` where HTTP is served, or off", address(&c.httpAddress)},
		{"grpc-address", "", "localhost:8081", "`host:port` where gRPC is served, or off", address(&c.grpcAddress)},
		{"metrics-address", "METRICS", "localhost:9090", "`host:port` where /metrics is served, or off", address(&c.metricsAddress)},
		{"lambda", "", "", "serve HTTP through the function in this `file` instead, in the emulator", func(v string) error {
			c.lambda = v
			return nil
		}},
		{
			"source", "", "http-api", "with -lambda: what sends the events, one of\n" + sourceNames(),
			func(v string) (err error) {
				c.source, err = emulator.ParseSource(v)
				return err
			},
		},
		{"stage", "", "", "with -lambda: the name of the API's stage, where the source has stages", func(v string) error {
			c.stage = v
			return nil
		}},
		{
			"base-path", "BASE_PATH", "", "with -lambda: the base path under which the API is mapped, which the\nfunction strips",
			func(v string) error {
				c.basePath = v
				return nil
			},
		},
	}
}

func sourceNames() string {
	var names []string
	for _, s := range emulator.Sources() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

const about = `local serves the example services on this machine: HTTP through the gateway,
gRPC with reflection, and metrics. With -lambda it serves HTTP through the
Lambda function instead, in an emulator of the Lambda Runtime API.

An environment variable in brackets gives the default of its flag. With
-lambda, these flags and all variables of the function are passed on to it.

`

// parseConfig returns flag.ErrHelp after it has written the help to stderr.
// Other errors name the flag or the variable, the value and what is allowed.
func parseConfig(args []string, getenv func(string) string, stderr io.Writer) (*config, error) {
	c := &config{}
	settings := c.settings()
	values := make([]string, len(settings))
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(io.Discard) // main says what was wrong
	for i, s := range settings {
		usage := s.usage
		if s.variable != "" {
			usage += " [" + s.variable + "]"
			s.fallback = cmp.Or(getenv(s.variable), s.fallback)
		}
		f.StringVar(&values[i], s.flag, s.fallback, usage)
	}
	f.DurationVar(&c.drainTimeout, "drain-timeout", 10*time.Second, "how long calls in flight may take after SIGINT or SIGTERM")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, about)
		f.SetOutput(stderr)
		f.PrintDefaults()
	}
	if err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: there are only flags, see -help", f.Arg(0))
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })

	for _, name := range []string{"TRANSPORT", "LOG_LEVEL", "RESPONSE_MODE", "BASE_PATH", "METRICS", "CORS_ORIGINS", "RPC", "DEADLINE_MARGIN"} {
		if v := getenv(name); v != "" {
			c.functionEnv = append(c.functionEnv, name+"="+v)
		}
	}
	c.stream = getenv("RESPONSE_MODE") == "stream"
	var errs []error
	for i, s := range settings {
		fromVariable := !given[s.flag] && s.variable != "" && getenv(s.variable) != ""
		if given["lambda"] && s.variable == "METRICS" {
			continue // the function's, which takes other values
		}
		if err := s.set(values[i]); err != nil && fromVariable {
			errs = append(errs, fmt.Errorf("%s=%q: %w", s.variable, values[i], err))
		} else if err != nil {
			errs = append(errs, fmt.Errorf("-%s=%q: %w", s.flag, values[i], err))
		}
		if given[s.flag] && s.variable != "" {
			c.functionEnv = append(c.functionEnv, s.variable+"="+values[i]) // the last of equal names counts
		}
	}
	return c, errors.Join(errs...)
}
