package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testlog"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	localserver "github.com/lambda-grpc/lambda-grpc-gateway/local/server"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

const samples = "../../lambda/trigger/testdata/"

// runEvent returns the program's output and log.
func runEvent(t *testing.T, options []service.Option, env map[string]string, args ...string) (string, error) {
	t.Helper()
	out := &testlog.Buffer{}
	err := localserver.Run(t.Context(), args, func(name string) string { return env[name] }, out, append(testservice.Options(), options...)...)
	return out.String(), err
}

func TestRun_EventInThisProcess(t *testing.T) {
	const echo = "test.v1.EchoService/Echo"
	own := []service.Option{trigger.With(trigger.SNS("news", echo))}
	reported := `{"batchItemFailures":[{"itemIdentifier":"7f1c0c3e-0000-4000-8000-000000000002"}]}`
	for name, test := range map[string]struct {
		options []service.Option
		env     map[string]string
		file    string
		want    []string // of the output, or of the error
		fails   bool
	}{
		"a trigger of the variable":  {nil, map[string]string{"EVENTS": "sqs:orders=" + echo}, samples + "sqs.json", []string{"\n" + reported + "\n", "requestId=7f1c0c3e-0000-4000-8000-000000000001"}, false},
		"a trigger of the options":   {own, nil, samples + "sns.json", []string{"{}\n"}, false},
		"both":                       {own, map[string]string{"EVENTS": "warmer"}, samples + "warmer.json", []string{"{}\n"}, false},
		"a request over HTTP":        {own, nil, "../../lambda/event/testdata/http-api.json", []string{`"statusCode":`}, false},
		"an event without a trigger": {own, nil, samples + "sqs.json", []string{"no trigger takes", "these are: sns:news"}, true},
		"an unknown method":          {nil, map[string]string{"EVENTS": "sqs=a.B/C"}, samples + "sqs.json", []string{`method "a.B/C"`}, true},
		"a file that does not exist": {own, nil, "none.json", []string{`-event="none.json"`, "want a file"}, true},
		"an address without effect":  {own, map[string]string{"HTTP_ADDRESS": ":1"}, samples + "sns.json", []string{`HTTP_ADDRESS=":1"`, "-event"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runEvent(t, test.options, test.env, "-event", test.file)
			if (err != nil) != test.fails {
				t.Fatalf("%v\n%s", err, out)
			}
			if test.fails {
				out = err.Error()
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in %s", want, out)
				}
			}
		})
	}
}

// A server receives no events, but refuses triggers that would fail on Lambda.
func TestRun_ChecksTriggers(t *testing.T) {
	s := startWith(t, []service.Option{trigger.With(trigger.SNS("news", "test.v1.EchoService/Echo"))}, nil)
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
	_, err := runEvent(t, []service.Option{trigger.With(trigger.SNS("news", "test.v1.EchoService/Buy"))}, nil, freePorts(nil)...)
	if err == nil || !strings.Contains(err.Error(), "sns:news") || !strings.Contains(err.Error(), "Buy") {
		t.Error(err)
	}
}

func TestRun_EventInTheFunction(t *testing.T) {
	function := thisBinary(t)
	out, err := runEvent(t, nil, map[string]string{"EVENTS": "sns=test.v1.EchoService/Echo"}, "-lambda", function, "-event", samples+"sns.json")
	if err != nil || !strings.HasSuffix(out, "{}\n") || !strings.Contains(out, "requestId=0b1c2d3e-0000-4000-8000-000000000002") {
		t.Errorf("%v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte(`{"mine":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = runEvent(t, nil, nil, "-lambda", function, "-event", file)
	var failure *emulator.FunctionError
	if !errors.As(err, &failure) || !strings.Contains(failure.Message, `its keys are ["mine"]`) {
		t.Error(err)
	}
}
