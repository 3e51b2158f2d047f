package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/conformance/testdata/probe"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
)

// An adapter is the library with which a function handles events.
type adapter string

const (
	ours     adapter = "event"
	apiProxy adapter = "api-proxy"
)

// place is a front door with streamed or buffered responses.
type place struct {
	source   frontdoor.Source
	streamed bool
}

func (p place) String() string {
	if p.streamed {
		return string(p.source) + ", streamed"
	}
	return string(p.source)
}

// places returns all places.
func places() []place {
	var all []place
	for _, source := range frontdoor.Sources() {
		all = append(all, place{source: source})
	}
	return append(all, place{frontdoor.RESTAPI, true}, place{frontdoor.FunctionURL, true})
}

// lab has the functions that the checks share.
type lab struct {
	t       *testing.T
	binary  string           // of the functions
	native  *httptest.Server // the handler of package probe under net/http's own server
	mu      sync.Mutex
	running map[string]*emulator.Function
}

// binary returns the path of this test binary; see TestMain.
func binary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func newLab(t *testing.T) *lab {
	native := httptest.NewUnstartedServer(probe.New())
	native.Config.ErrorLog = log.New(io.Discard, "", 0)
	native.Start()
	t.Cleanup(native.Close)
	return &lab{t: t, binary: binary(t), native: native, running: make(map[string]*emulator.Function)}
}

// function returns the function with the configuration cfg, and starts it if
// necessary.
func (l *lab) function(cfg emulator.Config) (*emulator.Function, error) {
	key := fmt.Sprint(cfg.Env, cfg.Timeout, cfg.Concurrency)
	l.mu.Lock()
	defer l.mu.Unlock()
	if fn := l.running[key]; fn != nil {
		return fn, nil
	}
	fn, err := emulator.Start(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	l.running[key] = fn
	l.t.Cleanup(func() {
		if err := fn.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return fn, nil
}

// subject is the subject of a check: an adapter behind a front door.
type subject struct {
	lab       *lab
	adapter   adapter
	place     place
	transport string
	cleanups  []func()
}

// decodes reports whether the source decodes paths and so loses their encoding.
func (s *subject) decodes() bool {
	return s.place.source == frontdoor.HTTPAPI || s.place.source == frontdoor.HTTPAPIv1
}

func (s *subject) isALB() bool {
	return s.place.source == frontdoor.ALB || s.place.source == frontdoor.ALBMulti
}

func (s *subject) isPayload2() bool {
	return s.place.source == frontdoor.HTTPAPI || s.place.source == frontdoor.FunctionURL
}

func (p place) isLattice() bool {
	return p.source == frontdoor.VPCLattice || p.source == frontdoor.VPCLatticeV1
}

// logf logs details that are too long for a table.
func (s *subject) logf(format string, args ...any) {
	if s.adapter == ours {
		s.lab.t.Logf(s.place.String()+": "+format, args...)
	}
}

func (s *subject) close() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	s.cleanups = nil
}

// setup describes the function and the front door of a check. Checks with equal
// functions share one, unless they ask for their own.
type setup struct {
	serve       string // probe, services or test
	env         []string
	timeout     time.Duration
	concurrency int
	own         bool
	door        []frontdoor.Option
	tamper      func(event map[string]any)
}

// target is an address for requests, with the front door and the function behind it.
type target struct {
	fn      *emulator.Function
	address string
	answers *answers
}

// open puts the subject's front door before its function.
func (s *subject) open(x setup) (*target, error) {
	cfg := s.config(x)
	var fn *emulator.Function
	var err error
	if !x.own {
		fn, err = s.lab.function(cfg)
	} else if fn, err = emulator.Start(context.Background(), cfg); err == nil {
		s.cleanups = append(s.cleanups, func() { _ = fn.Close() })
	}
	if err != nil {
		return nil, fmt.Errorf("does not start: %w", err)
	}
	if s.place.streamed {
		x.door = append(x.door, frontdoor.WithStreaming())
	}
	seen := &answers{Function: fn, tamper: x.tamper}
	door, err := frontdoor.New(seen, s.place.source, x.door...)
	if err != nil {
		return nil, err
	}
	server := httptest.NewUnstartedServer(door)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	s.cleanups = append(s.cleanups, server.Close)
	return &target{fn, server.Listener.Addr().String(), seen}, nil
}

// config returns the configuration of the function of x. With this project's adapter,
// the test services run in the function of lambda/function.
func (s *subject) config(x setup) emulator.Config {
	cfg := emulator.Config{Path: s.lab.binary, Timeout: x.timeout, Concurrency: x.concurrency}
	transport := s.transport
	if transport == "" {
		transport = "inproc"
	}
	cfg.Env = append(cfg.Env, "TRANSPORT="+transport)
	if s.adapter == ours && x.serve == "test" {
		if s.place.streamed {
			cfg.Env = append(cfg.Env, "RESPONSE_MODE=stream")
		}
		cfg.Env = append(cfg.Env, x.env...)
		return cfg
	}
	name := string(s.adapter)
	switch {
	case s.adapter == ours && s.place.streamed:
		name += "-stream"
	case s.adapter == apiProxy && s.isALB():
		name += "-alb"
	case s.adapter == apiProxy && s.isPayload2():
		name += "-v2"
	case s.adapter == apiProxy:
		name += "-v1"
	}
	cfg.Env = append(cfg.Env, "SERVE="+x.serve, "ADAPTER="+name)
	cfg.Env = append(cfg.Env, x.env...)
	return cfg
}

func (t *target) send(r request) reply { return send(t.address, r) }

// see returns a request as the handler behind the front door sees it.
func (s *subject) see(r request) (probe.Seen, error) {
	return s.seeAt(setup{serve: "probe"}, r)
}

func (s *subject) seeAt(x setup, r request) (probe.Seen, error) {
	t, err := s.open(x)
	if err != nil {
		return probe.Seen{}, err
	}
	return t.see(r)
}

func (t *target) see(r request) (probe.Seen, error) {
	var seen probe.Seen
	got := t.send(r)
	if got.status != http.StatusOK || got.broken {
		return seen, got.failed()
	}
	if err := json.Unmarshal([]byte(got.body), &seen); err != nil {
		return seen, errors.New("the response is not the handler's")
	}
	return seen, nil
}

// failed returns an error for a response that is not the expected one.
func (r reply) failed() error {
	if r.broken {
		return errors.New("the response is aborted")
	}
	if r.status == http.StatusBadGateway || r.status == http.StatusInternalServerError && strings.Contains(r.body, "nternal Server Error") {
		return errors.New("the invocation fails") // each front door reports it with its own status
	}
	return fmt.Errorf("the client gets %d", r.status)
}

// arrived returns an error for values that did not arrive as sent.
func arrived(values []string) error {
	if len(values) > 1 {
		return fmt.Errorf("arrives as %d values", len(values))
	}
	if len(values) == 0 {
		return errors.New("is lost")
	}
	return fmt.Errorf("arrives as `%s`", values[0])
}

// seeThrough is like see, with the subject's front door in front of fn.
func (s *subject) seeThrough(fn *emulator.Function, r request) (probe.Seen, error) {
	door, err := frontdoor.New(fn, s.place.source)
	if err != nil {
		return probe.Seen{}, err
	}
	server := httptest.NewServer(door)
	s.cleanups = append(s.cleanups, server.Close)
	return (&target{fn: fn, address: server.Listener.Addr().String()}).see(r)
}
