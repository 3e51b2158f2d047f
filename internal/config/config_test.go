package config_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

func newTable(t *testing.T, own ...service.Variable) *config.Table {
	t.Helper()
	table, err := config.NewTable(own, []string{"http-api", "alb"})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// read reads the settings of the local server if there are flags or p is not
// Function.
func read(table *config.Table, p config.Program, env environment, flags ...string) (*config.Config, error) {
	switch p {
	case config.Function:
		return table.ReadFunction(flags, env.get)
	case config.Emulator:
		flags = append([]string{"-lambda", "f"}, flags...)
	}
	return table.ReadServer(flags, env.get)
}

// mistakes has values that each variable must refuse, with the texts that the error
// must contain besides "want".
var mistakes = map[string]map[string][]string{
	"TRANSPORT":         {"x": {"unix, bufconn, inproc, tcp"}, "unix,": {"unix, bufconn"}, "unix,unix": {"each once"}, " ": {"unix"}},
	"LOG_LEVEL":         {"loud": {"debug, info, warn, error"}, "info+1": {"debug, info, warn, error"}, "0": {"debug"}},
	"METRICS":           {"on": {"off, "}, "localhost:9090": {"off, "}, "OFF": {"off, "}},
	"CORS_ORIGINS":      {"example.com": {`"example.com"`, "scheme://host"}, "*,https://a.com": {"*"}, ",": {"origins"}, "https://*.*.com": {"one *"}, "https://a.com/path": {"scheme://host"}},
	"RPC":               {"yes": {"on, off"}, "OFF": {"on, off"}},
	"RESPONSE_MODE":     {"Stream": {"buffered, stream"}, "foo": {"buffered, stream"}},
	"EVENTS":            {"orders": {"sqs:orders=orders.v1.Orders/Create"}, "sqs=Create": {"sqs, sns"}, "pigeon=a.B/C": {"eventbridge"}, "sqs=a.B/C,": {"commas"}},
	"FAIL_ON_5XX":       {"true": {"on, off"}},
	"BASE_PATH":         {"https://a.com/api": {"/api"}, "/a b": {"/api"}, "/api?x": {"/api"}, "/..": {"/api"}, "//api": {"/api"}, "/%61": {"/api"}},
	"DEADLINE_MARGIN":   {"500": {"unit"}, "-1s": {"negative"}, "soon": {"500ms"}},
	"METRICS_NAMESPACE": {"AWS/Lambda": {"AWS/"}, ":x": {"letters"}, "ä": {"letters"}, strings.Repeat("x", 256): {"255"}},
	"RUNTIME_LIMITS":    {"on": {"auto, off"}},
	"HTTP_ADDRESS":      {"localhost": {"host:port"}, ":99999": {"host:port"}, "http://localhost:80": {"host:port"}, ":http": {"host:port"}},
	"GRPC_ADDRESS":      {"localhost": {"host:port"}},
	"METRICS_ADDRESS":   {"localhost": {"host:port"}, "emf": {"host:port"}},
	"DOCS":              {"on": {"host:port"}, "8082": {"host:port"}},
	"DRAIN_TIMEOUT":     {"10": {"unit"}, "0s": {"positive"}, "-1s": {"positive"}},
	"MAX_BODY_BYTES":    {"1MB": {"whole number"}, "0": {"from 1"}, "-1": {"from 1"}, "9999999999999": {"2147483647"}},
	"BODY_TIMEOUT":      {"x": {"unit"}, "0": {"positive"}},
	"IDLE_TIMEOUT":      {"x": {"unit"}, "0": {"positive"}},
	"MAX_CONNECTIONS":   {"0": {"from 1"}, "many": {"whole number"}},
	"MAX_STREAMS":       {"0": {"from 1"}, "many": {"whole number"}},
	"OWN":               {"bad": {"this and that"}},
}

func own(calls *[]string) service.Variable {
	return service.Variable{Name: "OWN", Default: "this", Meaning: "a variable of the user's", Set: func(v string) error {
		*calls = append(*calls, v)
		if v == "bad" {
			return errors.New("want this and that")
		}
		return nil
	}}
}

func checkMistake(t *testing.T, err error, label, value string, want []string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s=%q was taken", label, value)
	}
	for _, w := range append([]string{label + "=" + quote(value) + ": ", "want "}, want...) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func quote(s string) string { return `"` + s + `"` }

func flagOf(variable string) string {
	return "-" + strings.ReplaceAll(strings.ToLower(variable), "_", "-")
}

func TestRead_RefusesInvalidValues(t *testing.T) {
	var calls []string
	table := newTable(t, own(&calls))
	for _, p := range []config.Program{config.Function, config.Server, config.Emulator} {
		for _, name := range table.Variables(p) {
			if len(mistakes[name]) == 0 {
				t.Errorf("%s: no mistake is tried", name)
			}
			var flags []string
			if name == "EVENTS" && p == config.Server {
				flags = []string{"-event", "f"}
			}
			for value, want := range mistakes[name] {
				_, err := read(table, p, environment{name: value}, flags...)
				checkMistake(t, err, name, value, want)
				if p == config.Function {
					continue
				}
				_, err = read(table, p, nil, append(flags, flagOf(name), value)...)
				checkMistake(t, err, flagOf(name), value, want)
			}
		}
	}
}

func TestRead_RefusesSettingsOfOtherPrograms(t *testing.T) {
	var calls []string
	table := newTable(t, own(&calls))
	everything := table.Variables(config.Function | config.Server | config.Emulator)
	for p, want := range map[config.Program]string{
		config.Function: "only the local server reads it: want it unset",
		config.Server:   "no effect without -lambda: want both or neither",
		config.Emulator: "no effect with -lambda: want one of the two",
	} {
		reads := table.Variables(p)
		if p == config.Emulator {
			reads = append(reads, table.Variables(config.Function)...)
		}
		refused := 0
		for _, name := range everything {
			if slices.Contains(reads, name) {
				continue
			}
			refused++
			for _, value := range []string{"foo", "off", "localhost:1"} {
				_, err := read(table, p, environment{name: value})
				checkMistake(t, err, name, value, []string{want})
				if p != config.Function {
					_, err = read(table, p, nil, flagOf(name), value)
					checkMistake(t, err, flagOf(name), value, []string{want})
				}
			}
		}
		if refused == 0 {
			t.Errorf("program %d reads everything", p)
		}
	}
}

func TestReadServer_RefusesInvalidFlags(t *testing.T) {
	table := newTable(t)
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"an unknown source":           {[]string{"-lambda", "f", "-source", "x"}, []string{`-source="x"`, "want one of http-api, alb"}},
		"a source without a function": {[]string{"-source", "alb"}, []string{`-source="alb"`, "without -lambda"}},
		"claims without a function":   {[]string{"-claims", "x"}, []string{`-claims="x"`, "without -lambda"}},
		"a stage without a function":  {[]string{"-stage", "x"}, []string{`-stage="x"`, "without -lambda"}},
		"a stage with a slash":        {[]string{"-lambda", "f", "-stage", "a/b"}, []string{`-stage="a/b"`, "letters"}},
		"no event":                    {[]string{"-event", ""}, []string{`-event=""`, "file"}},
		"an address with an event":    {[]string{"-event", "f", "-http-address", ":1"}, []string{`-http-address=":1"`, "with -event"}},
		"metrics with an event":       {[]string{"-event", "f", "-metrics", "prometheus"}, []string{`-metrics="prometheus"`, "with -event"}},
		"a source with an event":      {[]string{"-event", "f", "-lambda", "f", "-source", "alb"}, []string{`-source="alb"`, "with -event"}},
		"triggers without an event":   {[]string{"-events", "sqs=a.B/C"}, []string{`-events="sqs=a.B/C"`, "without -event or -lambda"}},
		"errors that are streamed":    {[]string{"-lambda", "f", "-fail-on-5xx", "on", "-response-mode", "stream"}, []string{`-response-mode="stream"`, "buffered"}},
		"no function":                 {[]string{"-lambda", ""}, []string{`-lambda=""`, "file"}},
		"an unknown flag":             {[]string{"-x"}, []string{"-x", "want flags of -help"}},
		"an argument":                 {[]string{"x"}, []string{`"x"`, "want flags only"}},
		"two mistakes, both":          {[]string{"-transport", "x", "-log-level", "y"}, []string{`-transport="x"`, `-log-level="y"`}},
	} {
		_, err := table.ReadServer(test.args, environment{"SOURCE": "x", "STAGE": "/", "LAMBDA": "/"}.get)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
	}
	if _, err := table.ReadServer(nil, environment{"SOURCE": "x", "STAGE": "/", "LAMBDA": "/"}.get); err != nil {
		t.Errorf("variables of other people's that have the names of flags: %v", err)
	}
}

func TestReadFunction_RefusesArguments(t *testing.T) {
	for _, arg := range []string{"-foo", "foo", "-transport=inproc", "-"} {
		_, err := newTable(t).ReadFunction([]string{arg}, environment{}.get)
		if err == nil || !strings.Contains(err.Error(), quote(arg)) || !strings.Contains(err.Error(), "environment variables") {
			t.Errorf("%s: %v", arg, err)
		}
	}
	for _, arg := range []string{"-h", "-help", "--help", "help"} {
		if _, err := newTable(t).ReadFunction([]string{arg}, environment{}.get); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	ignored := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Transport" || p.Last().String() == ".given" }, cmp.Ignore())
	for name, test := range map[string]struct {
		program   config.Program
		transport string
		want      config.Config
	}{
		"function": {config.Function, "unix", config.Config{
			Program: config.Function, RPC: true, Metrics: config.Off, DeadlineMargin: 500 * time.Millisecond,
			MetricsNamespace: "lambda-grpc-gateway", TuneRuntime: true,
		}},
		"server": {config.Server, "tcp", config.Config{
			Program: config.Server, RPC: true, Metrics: config.Prometheus,
			HTTPAddress: "localhost:8080", GRPCAddress: "localhost:8081", MetricsAddress: "localhost:9090", DocsAddress: "localhost:8082",
			DrainTimeout: 10 * time.Second, BodyTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
			MaxBodyBytes: 10 << 20, MaxConnections: 4096, MaxStreams: 1000,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(newTable(t), test.program, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, *got, ignored); diff != "" {
				t.Error(diff)
			}
			if name := got.Transport.Name(); !strings.HasPrefix(name, test.transport) {
				t.Errorf("transport %s", name)
			}
		})
	}
}

func TestReadServer_PassesSettingsToTheFunction(t *testing.T) {
	var calls []string
	c, err := read(newTable(t, own(&calls)), config.Emulator,
		environment{"TRANSPORT": "inproc", "METRICS": "emf", "RESPONSE_MODE": "stream", "OWN": "that", "LOG_LEVEL": "warn", "HTTP_ADDRESS": ":1"},
		"-transport", "bufconn", "-cors-origins", "")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(c.FunctionEnv)
	want := []string{"CORS_ORIGINS=", "LOG_LEVEL=warn", "METRICS=emf", "OWN=that", "RESPONSE_MODE=stream", "TRANSPORT=bufconn"}
	if diff := cmp.Diff(want, c.FunctionEnv); diff != "" {
		t.Error(diff)
	}
	if c.LogLevel != slog.LevelWarn || !c.Stream || c.HTTPAddress != ":1" || c.FunctionPath != "f" || c.Source != "http-api" {
		t.Errorf("%+v", c)
	}
	if given := c.Given("transport") + c.Given("http-address") + c.Given("source"); given != "-transportHTTP_ADDRESS-source" {
		t.Errorf("given as %s", given)
	}
}

func TestReadFunction_PlatformLogLevel(t *testing.T) {
	for platform, want := range map[string]slog.Level{"TRACE": slog.LevelDebug, "FATAL": slog.LevelError, "WARN": slog.LevelWarn} {
		env := environment{"AWS_LAMBDA_LOG_LEVEL": platform, "AWS_LAMBDA_LOG_FORMAT": "JSON"}
		c, err := read(newTable(t), config.Function, env)
		if err != nil || c.LogLevel != want || !c.LogJSON {
			t.Errorf("%s: %v, JSON %v, %v", platform, c.LogLevel, c.LogJSON, err)
		}
		if c, err := read(newTable(t), config.Server, env); err != nil || c.LogLevel != slog.LevelInfo || c.LogJSON {
			t.Errorf("%s on the server: %v, JSON %v, %v", platform, c.LogLevel, c.LogJSON, err)
		}
		env["LOG_LEVEL"] = "info"
		if c, err := read(newTable(t), config.Function, env); err != nil || c.LogLevel != slog.LevelInfo {
			t.Errorf("%s and LOG_LEVEL=info: %v, %v", platform, c.LogLevel, err)
		}
	}
}

func TestRead_Origins(t *testing.T) {
	for value, want := range map[string][]string{
		"*":                                     {"*"},
		"https://a.com":                         {"https://a.com"},
		" https://a.com , http://localhost:3 ,": {"https://a.com", "http://localhost:3"},
		"https://a.com http://localhost:3":      {"https://a.com", "http://localhost:3"},
	} {
		for _, p := range []config.Program{config.Function, config.Server} {
			c, err := read(newTable(t), p, environment{"CORS_ORIGINS": value})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, c.CORSOrigins); diff != "" {
				t.Errorf("%q: %s", value, diff)
			}
		}
	}
}

func TestNewTable_OwnVariables(t *testing.T) {
	for name, test := range map[string]struct {
		program config.Program
		env     environment
		flags   []string
		want    string
	}{
		"the default":                 {config.Function, nil, nil, "this"},
		"the default of an empty one": {config.Server, environment{"OWN": ""}, nil, "this"},
		"set on Lambda":               {config.Function, environment{"OWN": "that"}, nil, "that"},
		"set locally":                 {config.Server, environment{"OWN": "that"}, nil, "that"},
		"a flag wins":                 {config.Server, environment{"OWN": "that"}, []string{"-own", "more"}, "more"},
	} {
		var calls []string
		if _, err := read(newTable(t, own(&calls)), test.program, test.env, test.flags...); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{test.want}, calls); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	set := func(string) error { return nil }
	for want, v := range map[string]service.Variable{
		"name is taken":        {Name: "TRANSPORT", Set: set},
		"another one":          {Name: "SOURCE", Set: set}, // its flag
		"capital letters":      {Name: "own", Set: set},
		"begins with a letter": {Name: "_OWN", Set: set},
		"Set is nil":           {Name: "OWN"},
	} {
		if _, err := config.NewTable([]service.Variable{v}, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), quote(v.Name)) {
			t.Errorf("%+v: %v, want %q", v, err, want)
		}
	}
}

func TestWriteHelp_NamesEverySettingOnce(t *testing.T) {
	var calls []string
	table := newTable(t, own(&calls))
	var function, server bytes.Buffer
	table.WriteHelp(&function, config.Function)
	table.WriteHelp(&server, config.Server)
	for _, name := range table.Variables(config.Function) {
		if n := strings.Count(function.String(), "  "+name+" "); n != 1 {
			t.Errorf("%s is %d times in\n%s", name, n, &function)
		}
	}
	if strings.Contains(function.String(), "HTTP_ADDRESS") {
		t.Errorf("the function's help has settings of the local server:\n%s", &function)
	}
	for _, name := range table.Variables(config.Function | config.Server | config.Emulator) {
		if n := strings.Count(server.String(), "  "+flagOf(name)+", "+name+" "); n != 1 {
			t.Errorf("%s is %d times in\n%s", name, n, &server)
		}
	}
	for _, want := range []string{"  -source ", "http-api, alb", "a variable of the user's"} {
		if !strings.Contains(server.String(), want) {
			t.Errorf("no %q in\n%s", want, &server)
		}
	}
}

func TestDocumentationHasEveryVariable(t *testing.T) {
	const page = "docs/configuration.md"
	document, err := os.ReadFile(filepath.Join("../..", page))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(document), "| variable | default | read by | meaning |\n")
	table, _, found := strings.Cut(after, "\n\n")
	if !found {
		t.Fatalf("%s has no table of variables", page)
	}
	for _, name := range newTable(t).Variables(config.Function | config.Server | config.Emulator) {
		if !regexp.MustCompile(`(?m)^\|[^|]*\b` + name + `\b[^|]*\|`).MatchString(table) {
			t.Errorf("%s has no row for %s", page, name)
		}
	}
}

// Only the table has the names of the variables.
func TestVariableNamesAreOnlyInTheTable(t *testing.T) {
	names := newTable(t).Variables(config.Function | config.Server | config.Emulator)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "table.go" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range names {
			if bytes.Contains(text, []byte(quote(name))) {
				t.Errorf("%s has %s", path, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
