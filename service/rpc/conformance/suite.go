package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// A target is a server that the suite tests.
type target struct {
	name   string
	source frontdoor.Source // empty for direct requests
	stream bool
	cases  int // number of the suite's cases

	// impossible is the number of cases that cannot pass. The patterns in which
	// match their names. The suite fails if one of these cases passes.
	impossible int
	which      []string
}

func targets() []target {
	return []target{
		{name: "direct", cases: 1990},
		{name: "function-url", source: frontdoor.FunctionURL, cases: 694},
		{name: "function-url-streamed", source: frontdoor.FunctionURL, stream: true, cases: 694},
		{name: "http-api", source: frontdoor.HTTPAPI, cases: 694},
		{name: "http-api-v1", source: frontdoor.HTTPAPIv1, cases: 694},
		{name: "rest-api", source: frontdoor.RESTAPI, cases: 694},
		{name: "rest-api-streamed", source: frontdoor.RESTAPI, stream: true, cases: 694},
		{name: "alb-multi", source: frontdoor.ALBMulti, cases: 694},
		{name: "alb", source: frontdoor.ALB, cases: 694, impossible: 150, which: repeatedHeaders()},
	}
}

// repeatedHeaders returns the cases whose requests repeat a header. A load
// balancer without multi-value headers passes on only the last value.
func repeatedHeaders() []string {
	return []string{
		"Basic/**/bidi-stream/half-duplex/success",
		"Basic/**/client-stream/success",
		"Basic/**/server-stream/success",
		"Basic/**/unary/success",
		"Connect with GET/**/success",
		"Duplicate Metadata/**/success",
		"Duplicate Metadata/**/error",
		"Duplicate Metadata/**/error-with-no-responses",
		"Duplicate Metadata/**/error-with-responses",
		"Errors/**/error-with-no-responses",
		"Errors/**/error-with-responses",
		"Server Empty Requests/**/client-stream/empty-request",
		"Server Empty Requests/**/unary/empty-request",
	}
}

// flaky returns the cases that depend on a timer of the suite. Its client
// gives up at the same moment as the server and may have read half of the
// response.
func flaky() []string {
	return []string{"Timeouts/**/Protocol:PROTOCOL_CONNECT/**/unary"}
}

func targetNames() (names []string) {
	for _, t := range targets() {
		names = append(names, t.name)
	}
	return names
}

func targetOf(name string) (target, error) {
	for _, t := range targets() {
		if t.name == name {
			return t, nil
		}
	}
	return target{}, fmt.Errorf("target %q: want one of %s", name, strings.Join(targetNames(), ", "))
}

// These are the features of the implementation, for the suite. Direct
// requests use HTTP/1.1 and HTTP/2. A function sees only HTTP/1.1, and no
// trailers.
const (
	directFeatures = `
features:
  versions: [HTTP_VERSION_1, HTTP_VERSION_2]
  protocols: [PROTOCOL_CONNECT, PROTOCOL_GRPC, PROTOCOL_GRPC_WEB]
  codecs: [CODEC_PROTO, CODEC_JSON]
  compressions: [COMPRESSION_IDENTITY, COMPRESSION_GZIP]
  supportsH2c: true
  supportsTls: false
  supportsHalfDuplexBidiOverHttp1: true
`
	lambdaFeatures = `
features:
  versions: [HTTP_VERSION_1]
  protocols: [PROTOCOL_CONNECT, PROTOCOL_GRPC_WEB]
  codecs: [CODEC_PROTO, CODEC_JSON]
  compressions: [COMPRESSION_IDENTITY, COMPRESSION_GZIP]
  supportsH2c: false
  supportsTls: false
  supportsTrailers: false
  supportsHalfDuplexBidiOverHttp1: true
`
)

// descriptorsVariable is the environment variable with the path of the
// descriptors of the suite's service.
const descriptorsVariable = "CONFORMANCE_DESCRIPTORS"

// A suite is the official suite, ready to be run.
type suite struct {
	dir      string // temporary
	runner   string // the suite's executable
	self     string
	parallel int
	only     string
	trace    bool
}

func newSuite(ctx context.Context) (_ *suite, err error) {
	s := &suite{}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "conformance-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.runner = filepath.Join(s.dir, "connectconformance")
	if _, err := output(ctx, "go", "build", "-o", s.runner, "connectrpc.com/conformance/cmd/connectconformance"); err != nil {
		return nil, err
	}
	module, err := output(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "connectrpc.com/conformance")
	if err != nil {
		return nil, err
	}
	if err := s.writeDescriptors(ctx, filepath.Join(strings.TrimSpace(module), "proto")); err != nil {
		return nil, fmt.Errorf("compiling the suite's service: %w", err)
	}
	for name, features := range map[string]string{"direct": directFeatures, "lambda": lambdaFeatures} {
		if err := os.WriteFile(filepath.Join(s.dir, name+".yaml"), []byte(features), 0o600); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return string(out), nil
}

func (s *suite) close() { _ = os.RemoveAll(s.dir) }

func (s *suite) descriptors() string { return filepath.Join(s.dir, "descriptors.pb") }

// writeDescriptors compiles the .proto files that are part of the suite.
func (s *suite) writeDescriptors(ctx context.Context, dir string) error {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}}),
	}
	var set descriptorpb.FileDescriptorSet
	for _, name := range []string{"config", "service", "server_compat"} {
		files, err := compiler.Compile(ctx, "connectrpc/conformance/v1/"+name+".proto")
		if err != nil {
			return err
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(files[0]))
	}
	data, err := proto.Marshal(&set)
	if err != nil {
		return err
	}
	return os.WriteFile(s.descriptors(), data, 0o600)
}

var summary = regexp.MustCompile(`(?m)^Total cases: (\d+)\n(\d+) passed, \d+ failed`)

// run runs the suite against one target and checks how many cases passed.
func (s *suite) run(ctx context.Context, transport, name string) error {
	t, err := targetOf(name)
	if err != nil {
		return err
	}
	features := "direct"
	if t.source != "" {
		features = "lambda"
	}
	args := []string{"--mode", "server", "--conf", filepath.Join(s.dir, features+".yaml"), "-p", strconv.Itoa(s.parallel)}
	for _, pattern := range t.which {
		args = append(args, "--known-failing", pattern)
	}
	for _, pattern := range flaky() {
		args = append(args, "--known-flaky", pattern)
	}
	if s.only != "" {
		args = append(args, "--run", s.only)
	}
	if s.trace {
		args = append(args, "--trace")
	}
	args = append(args, "--", s.self, "-server", "-transports", transport, "-targets", name)
	cmd := exec.CommandContext(ctx, s.runner, args...)
	cmd.Env = append(os.Environ(), descriptorsVariable+"="+s.descriptors())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	match := summary.FindStringSubmatch(out.String())
	if err != nil || match == nil {
		_, _ = os.Stdout.Write(out.Bytes())
		return errors.Join(err, errors.New("the suite failed"))
	}
	fmt.Printf("%-22s %-8s %s of %s passed, %d cannot pass\n", name, transport, match[2], match[1], t.impossible)
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "INFO: Timeouts/") {
			fmt.Printf("    raced: %s", line)
		}
	}
	if s.only == "" && match[1] != strconv.Itoa(t.cases) {
		return fmt.Errorf("%s cases, want %d", match[1], t.cases)
	}
	return nil
}
