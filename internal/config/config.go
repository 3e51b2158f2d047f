// Package config has the table of the settings that the function and the local
// server read from the environment and the command line. The table has each
// setting's name, default, parser and error message, and the programs that read
// it. A setting is honoured, or refused with an error that gives its name, its
// value and the allowed values.
package config

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// A Program is one of the programs that read the table, or a set of them.
type Program int

// The programs.
const (
	// Function is the Lambda function. It reads variables and no flags.
	Function Program = 1 << iota
	// Server is the local server with the services in its own process.
	Server
	// Emulator is the local server with -lambda. It runs the function and
	// passes it every setting that the function reads.
	Emulator
)

// Off is the value of a setting that is turned off, such as the address of a
// listener.
const Off = "off"

// The values of METRICS.
const (
	// EMF is CloudWatch Embedded Metric Format on the function's output.
	EMF = "emf"
	// Prometheus is an endpoint to scrape.
	Prometheus = "prometheus"
)

// A Config has the settings of one program. Fields that the program does not read
// are zero.
type Config struct {
	Program     Program
	Transport   transport.Transport
	LogLevel    slog.Level
	CORSOrigins []string
	RPC         bool
	Metrics     string // Off, EMF or Prometheus
	Triggers    []trigger.Trigger

	// Settings of the function.
	FailOn5xx        bool
	LogJSON          bool
	Stream           bool
	BasePath         string
	DeadlineMargin   time.Duration
	MetricsNamespace string
	TuneRuntime      bool

	// Settings of the local server. An address can be Off.
	HTTPAddress    string
	GRPCAddress    string
	MetricsAddress string
	DocsAddress    string
	DrainTimeout   time.Duration
	BodyTimeout    time.Duration
	IdleTimeout    time.Duration
	MaxBodyBytes   int64
	MaxConnections int
	MaxStreams     int
	EventPath      string // file of an event to handle instead of serving

	// Settings of the emulator.
	FunctionPath string
	Source       string
	Stage        string
	ClaimsPath   string
	FunctionEnv  []string // KEY=value, the settings to pass to the function

	given map[string]string // flag name to the flag or variable that gave its value
}

// Given returns the name under which a setting was given: the flag with its dash,
// or the environment variable. Later errors about the setting begin with it.
func (c *Config) Given(flagName string) string {
	if given := c.given[flagName]; given != "" {
		return given
	}
	return "-" + flagName
}

// ReadFunction reads the settings of the function. The error is flag.ErrHelp if
// args ask for help. Otherwise it joins the errors of all invalid settings.
func (t *Table) ReadFunction(args []string, getenv func(string) string) (*Config, error) {
	if len(args) == 0 {
		return t.read(Function, nil, getenv)
	}
	switch strings.TrimLeft(args[0], "-") {
	case "h", "help":
		return nil, flag.ErrHelp
	}
	return nil, fmt.Errorf("argument %q: want none, the function is configured by environment variables: see -help", args[0])
}

// ReadServer reads the settings of the local server, as Server or, with -lambda, as
// Emulator. A flag wins over its variable. Errors are like those of ReadFunction.
func (t *Table) ReadServer(args []string, getenv func(string) string) (*Config, error) {
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	for _, s := range t.settings {
		f.String(s.flag(), "", "")
	}
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w: want flags of -help", err)
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("argument %q: want flags only, see -help", f.Arg(0))
	}
	flags := map[string]string{}
	f.Visit(func(f *flag.Flag) { flags[f.Name] = f.Value.String() })
	program := Server
	if _, ok := flags[lambdaFlag]; ok {
		program = Emulator
	}
	return t.read(program, flags, getenv)
}

func (t *Table) read(p Program, flags map[string]string, getenv func(string) string) (*Config, error) {
	c := &Config{
		Program: p,
		LogJSON: p == Function && getenv("AWS_LAMBDA_LOG_FORMAT") == "JSON",
		given:   map[string]string{},
	}
	var errs []error
	for _, s := range t.settings {
		label, value := s.find(p, flags, getenv)
		if label != "" {
			if err := s.check(p, flags); err != nil {
				errs = append(errs, fmt.Errorf("%s=%q: %w", label, value, err))
				continue
			}
			c.given[s.flag()] = label
			if p == Emulator && s.in&Function != 0 {
				c.FunctionEnv = append(c.FunctionEnv, s.name+"="+value)
			}
		} else if value = s.defaultOf(p); value == "" || s.check(p, nil) != nil {
			continue
		}
		if err := s.set(c, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", cmp.Or(label, s.name), value, err))
		}
	}
	if c.FailOn5xx && c.Stream {
		errs = append(errs, fmt.Errorf("%s=%q: a streamed response cannot become an error: want buffered, or FAIL_ON_5XX unset", c.Given("response-mode"), "stream"))
	}
	return c, errors.Join(errs...)
}

// find returns the value of a setting, and the flag or variable that gave it as
// label. The label is empty if the setting was not given.
func (s *setting) find(p Program, flags map[string]string, getenv func(string) string) (label, value string) {
	if v, ok := flags[s.flag()]; ok {
		return "-" + s.flag(), v
	}
	if s.flagOnly {
		return "", ""
	}
	if v := getenv(s.name); v != "" {
		return s.name, v
	}
	if p == Function && s.platform != "" {
		if v := getenv(s.platform); v != "" {
			return s.platform, v
		}
	}
	return "", ""
}

// check refuses a setting that the program does not read.
func (s *setting) check(p Program, flags map[string]string) error {
	read := s.in
	if read&Function != 0 {
		read |= Emulator
	}
	_, hasEvent := flags[eventFlag]
	switch {
	case hasEvent && s.serving&p != 0:
		return errors.New("it has no effect with -event: want one of the two")
	case !hasEvent && s.onEvent && p == Server:
		return errors.New("it has no effect without -event or -lambda: want one of them")
	case read&p != 0:
		return nil
	case p == Function:
		return errors.New("only the local server reads it: want it unset")
	case p == Emulator:
		return errors.New("it has no effect with -lambda: want one of the two")
	default:
		return errors.New("it has no effect without -lambda: want both or neither")
	}
}

func (s *setting) defaultOf(p Program) string {
	if p == Server && s.local != "" {
		return s.local
	}
	return s.fallback
}

// flag returns the name of the setting's flag.
func (s *setting) flag() string {
	return strings.ReplaceAll(strings.ToLower(s.name), "_", "-")
}
