package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

func TestShutdown(t *testing.T) {
	for _, workers := range []int{1, 8} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d in flight, streamed %v", workers, streamed), func(t *testing.T) {
				testShutdown(t, workers, streamed)
			})
		}
	}
}

func testShutdown(t *testing.T, workers int, streamed bool) {
	a, o := newAPI(t), &order{}
	running, release := make(chan struct{}), make(chan struct{})
	work := func(ctx context.Context) {
		runtimeapi.After(ctx, func(context.Context) { o.note("after") })
		running <- struct{}{}
		<-release
		if ctx.Err() != nil {
			t.Error("the invocation's context has ended")
		}
	}
	var handler runtimeapi.Handler = handlerFunc(func(ctx context.Context, p []byte) ([]byte, error) { work(ctx); return p, nil })
	if streamed {
		handler = runtimeapi.StreamFunc(func(ctx context.Context, p json.RawMessage) (io.Reader, error) {
			return then("", func() (int, error) { work(ctx); return 0, io.EOF }), nil
		})
	}
	s := serve(t, a, handler, func(cfg *runtimeapi.Config, c *runtimeapi.Client) {
		cfg.Workers = workers
		if c != nil {
			c.RegisterOnShutdown(func(context.Context) error { o.note("shutdown 1"); return nil })
			c.RegisterOnShutdown(func(context.Context) error { o.note("shutdown 2"); return nil })
		}
	})
	for range workers {
		a.invoke(given{payload: "response"})
		<-running
	}
	s.stop()
	close(release)
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	responses := 0
	for len(a.calls) > 0 {
		if c := <-a.calls; c.is("/response") {
			responses++
		} else if !c.is("/next") { // Serve may see the end of its context only after the first responses
			t.Errorf("%s after %d responses", c.Path, responses)
		}
	}
	if responses != workers {
		t.Errorf("%d responses, want %d", responses, workers)
	}
	var want []string
	for range workers {
		want = append(want, "after")
	}
	if diff := cmp.Diff(append(want, "shutdown 1", "shutdown 2"), o.take()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestShutdown_IsBounded(t *testing.T) {
	t.Parallel()
	// A busy machine calls a shutdown function within the third of a second that is
	// left for it.
	const timeout = 3 * time.Second
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for name, tt := range map[string]struct {
		handler   handlerFunc
		functions []func(context.Context) error
		want      []string
	}{
		"an invocation that does not end": {
			handler:   func(context.Context, []byte) ([]byte, error) { <-hang; return nil, nil },
			functions: []func(context.Context) error{func(context.Context) error { return errors.New("it ran") }},
			want:      []string{"1 of 1 workers had not finished", "it ran"},
		},
		"a shutdown function that does not end": {
			handler: echo,
			functions: []func(context.Context) error{
				func(context.Context) error { <-hang; return nil },
				func(context.Context) error { return nil },
			},
			want: []string{"a shutdown function was cut after 3s", "1 shutdown functions were not run"},
		},
		"a shutdown function that panics": {
			handler: echo,
			functions: []func(context.Context) error{
				func(context.Context) error { panic("on purpose") },
				func(context.Context) error { return errors.New("the other") },
			},
			want: []string{"a shutdown function did not return", "the other"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t)
			running := make(chan struct{})
			s := serve(t, a, handlerFunc(func(ctx context.Context, p []byte) ([]byte, error) {
				close(running)
				return tt.handler(ctx, p)
			}), func(cfg *runtimeapi.Config, c *runtimeapi.Client) {
				cfg.ShutdownTimeout = timeout
				if c != nil {
					for _, f := range tt.functions {
						c.RegisterOnShutdown(f)
					}
				}
			})
			a.invoke(event0)
			<-running
			s.stop()
			err := s.wait()
			for _, text := range tt.want {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("error %v, want %q in it", err, text)
				}
			}
		})
	}
}

func TestShutdown_ServesAnEventThatIsOnItsWay(t *testing.T) {
	for range 20 {
		a := newAPI(t)
		s := serve(t, a, handlerFunc(echo))
		a.call("/next")
		go s.stop()
		select {
		case a.events <- given{payload: "late"}: // the API has given it away
			a.call("/response")
		case err := <-s.result:
			s.result <- err
		}
		if err := s.wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExtension(t *testing.T) {
	with := func(cfg *runtimeapi.Config, _ *runtimeapi.Client) { cfg.WithoutExtension = false }
	t.Run("is registered before the first invocation", func(t *testing.T) {
		a := newAPI(t)
		s := serve(t, a, handlerFunc(echo), with)
		c := a.call("/2020-01-01/extension/register")
		if c.Header.Get("Lambda-Extension-Name") == "" || c.Body != `{"events":[]}` {
			t.Errorf("registered with %v %s", c.Header, c.Body)
		}
		if seen := []call{<-a.calls, <-a.calls}; seen[0].is("/event/next") == seen[1].is("/event/next") {
			t.Errorf("then %v", seen)
		} else if e := seen[0]; e.is("/event/next") && e.Header.Get("Lambda-Extension-Identifier") != "ext-1" {
			t.Errorf("asks with %v", e.Header)
		}
		s.end()
		if s.log.String() != "" {
			t.Errorf("logged: %s", s.log)
		}
	})
	for _, status := range []int{403, 404, 500} {
		t.Run(fmt.Sprintf("is refused with %d", status), func(t *testing.T) {
			a := newAPI(t)
			a.setStatus("/register", status)
			s := serve(t, a, handlerFunc(echo), with)
			a.call("/register")
			a.call("/next")
			a.invoke(given{payload: "x"})
			a.call("/response")
			s.end()
			if got := s.log.String(); strings.Count(got, "level=WARN") != 1 || strings.Count(got, "\n") != 1 ||
				!strings.Contains(got, "SIGTERM") || !strings.Contains(got, fmt.Sprint(status)) {
				t.Errorf("logged: %s", got)
			}
		})
	}
}

func TestFailInit(t *testing.T) {
	wrong := fmt.Errorf("TRANSPORT=%q: want unix", "carrier pigeon")
	for status, want := range map[int]string{202: "", 403: "403 Forbidden", 500: "500"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			a := newAPI(t)
			a.setStatus("/init/error", status)
			c, err := runtimeapi.New(runtimeapi.Config{Address: a.address(), WithoutExtension: true, Logger: discard()})
			if err != nil {
				t.Fatal(err)
			}
			err = c.FailInit(wrong)
			if !errors.Is(err, wrong) || !strings.Contains(err.Error(), want) || want == "" && err.Error() != wrong.Error() {
				t.Errorf("error %v", err)
			}
			got := a.call("/2018-06-01/runtime/init/error")
			if got.Body != `{"errorMessage":"TRANSPORT=\"carrier pigeon\": want unix","errorType":"Runtime.InitError"}` ||
				got.Header.Get("Lambda-Runtime-Function-Error-Type") != "Runtime.InitError" {
				t.Errorf("posted %+v", got)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  runtimeapi.Config
		want string
	}{
		"no address":            {runtimeapi.Config{}, "Address"},
		"an address, no port":   {runtimeapi.Config{Address: "localhost"}, "Address"},
		"negative workers":      {runtimeapi.Config{Address: "localhost:1", Workers: -1}, "Workers"},
		"more than can be":      {runtimeapi.Config{Address: "localhost:1", Workers: 1 << 20}, "Workers"},
		"negative shutdown":     {runtimeapi.Config{Address: "localhost:1", ShutdownTimeout: -1}, "ShutdownTimeout"},
		"an API that is absent": {runtimeapi.Config{Address: "127.0.0.1:1", WithoutExtension: true}, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.cfg.Logger = discard()
			err := runtimeapi.Serve(t.Context(), handlerFunc(echo), tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
	t.Run("a nil handler", func(t *testing.T) {
		if err := runtimeapi.Serve(t.Context(), nil, runtimeapi.Config{Address: newAPI(t).address(), WithoutExtension: true}); err == nil {
			t.Error("no error")
		}
	})
}

func TestFromEnv(t *testing.T) {
	for _, tt := range []struct{ address, workers, wrong string }{
		{"127.0.0.1:9001", "", ""},
		{"127.0.0.1:9001", "16", ""},
		{"", "", "AWS_LAMBDA_RUNTIME_API"},
		{"127.0.0.1:9001", "many", "AWS_LAMBDA_MAX_CONCURRENCY"},
		{"127.0.0.1:9001", "0", "AWS_LAMBDA_MAX_CONCURRENCY"},
		{"127.0.0.1:9001", "1001", "AWS_LAMBDA_MAX_CONCURRENCY"},
	} {
		cfg, err := runtimeapi.FromEnv(func(name string) string {
			return map[string]string{"AWS_LAMBDA_RUNTIME_API": tt.address, "AWS_LAMBDA_MAX_CONCURRENCY": tt.workers}[name]
		})
		if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) || cfg.Address != tt.address {
			t.Errorf("%+v: %+v, %v", tt, cfg, err)
		}
		if err == nil && tt.workers == "16" && cfg.Workers != 16 {
			t.Errorf("%d workers", cfg.Workers)
		}
	}
}
