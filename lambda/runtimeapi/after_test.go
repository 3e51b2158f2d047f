package runtimeapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/runtimeapi"
)

// order records events in order.
type order struct {
	mu    sync.Mutex
	notes []string
}

func (o *order) note(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, s)
}

func (o *order) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	notes := o.notes
	o.notes = nil
	return notes
}

// inModes runs a test with responses that are buffered, streamed and failed.
func inModes(t *testing.T, test func(t *testing.T, path string, wrap func(f func(context.Context)) runtimeapi.Handler)) {
	t.Run("buffered", func(t *testing.T) {
		test(t, "/response", func(f func(context.Context)) runtimeapi.Handler {
			return handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) { f(ctx); return nil, nil })
		})
	})
	t.Run("streamed", func(t *testing.T) {
		test(t, "/response", func(f func(context.Context)) runtimeapi.Handler {
			return runtimeapi.StreamFunc(func(ctx context.Context, _ json.RawMessage) (io.Reader, error) {
				f(ctx)
				return &reader{r: strings.NewReader("x")}, nil
			})
		})
	})
	t.Run("failed", func(t *testing.T) {
		test(t, "/error", func(f func(context.Context)) runtimeapi.Handler {
			return handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) { f(ctx); panic("failed") })
		})
	})
}

func TestAfter_RunsBetweenTheResponseAndTheNextInvocation(t *testing.T) {
	inModes(t, func(t *testing.T, path string, wrap func(func(context.Context)) runtimeapi.Handler) {
		a, o := newAPI(t), &order{}
		release := make(chan struct{})
		s := serve(t, a, wrap(func(ctx context.Context) {
			runtimeapi.After(ctx, func(after context.Context) {
				o.note("first begins")
				<-release
				lc, _ := lambdacontext.FromContext(after)
				o.note("first ends, of " + lc.AwsRequestID)
				event.After(after, func(context.Context) { o.note("registered by the first") })
			})
			event.After(ctx, func(context.Context) { panic("after-panic") })
			event.After(ctx, func(context.Context) { runtime.Goexit() })
			runtimeapi.After(ctx, func(context.Context) { o.note("last") })
		}), func(_ *runtimeapi.Config, c *runtimeapi.Client) {
			if c != nil {
				c.RegisterAfter(func(context.Context) { o.note("every 1") })
				c.RegisterAfter(func(context.Context) { o.note("every 2") })
			}
		})
		for range 2 {
			a.call("/next")
			a.invoke(event0)
			a.call(path) // the response is here while the function waits
			select {
			case c := <-a.calls:
				t.Fatalf("%s before the after-function has ended", c.Path)
			default:
			}
			release <- struct{}{}
		}
		a.call("/next")
		once := []string{"first begins", "first ends, of id-1", "last", "registered by the first", "every 1", "every 2"}
		if diff := cmp.Diff(slices.Concat(once, once), o.take()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if got := s.log.String(); !strings.Contains(got, "after-panic") || !strings.Contains(got, "after_test.go") {
			t.Errorf("the panic is not logged with its stack: %s", got)
		}
		s.end()
	})
}

var event0 = given{} // an empty one

func TestAfter_IsCutAtTheDeadline(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, path string, wrap func(func(context.Context)) runtimeapi.Handler) {
		timeout := 400 * time.Millisecond
		for !testCut(t, path, wrap, timeout) {
			if timeout *= 2; timeout > deadline {
				t.Fatal("no function started before its deadline")
			}
		}
	})
}

// testCut is false if the machine was too busy to call the first function before
// the deadline.
func testCut(t *testing.T, path string, wrap func(func(context.Context)) runtimeapi.Handler, timeout time.Duration) bool {
	a, o := newAPI(t), &order{}
	release, returned := make(chan struct{}), make(chan struct{})
	s := serve(t, a, wrap(func(ctx context.Context) {
		runtimeapi.After(ctx, func(ctx context.Context) {
			defer close(returned)
			<-ctx.Done()
			o.note("told")
			<-release // it does not heed that
		})
		runtimeapi.After(ctx, func(context.Context) { o.note("dropped") })
	}))
	a.call("/next")
	end := time.Now().Add(timeout)
	a.invoke(given{header: map[string]string{"Lambda-Runtime-Deadline-Ms": fmt.Sprint(end.UnixMilli())}})
	a.call(path)
	a.call("/next")
	close(release)
	select {
	case <-returned:
	case <-time.After(time.Second):
		s.end()
		return false
	}
	if diff := cmp.Diff([]string{"told"}, o.take()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, text := range []string{"cut at the deadline", "dropped at the deadline", "count=1"} {
		if !strings.Contains(s.log.String(), text) {
			t.Errorf("%q is not logged: %s", text, s.log)
		}
	}
	s.end()
	return true
}

func TestAfter_OutsideAnInvocation(t *testing.T) {
	for name, f := range map[string]func(context.Context, func(context.Context)){"runtimeapi": runtimeapi.After, "event": event.After} {
		ran := false
		f(t.Context(), func(ctx context.Context) { ran = ctx == t.Context() })
		if !ran {
			t.Errorf("%s.After did not call the function", name)
		}
	}
	t.Run("which has ended", func(t *testing.T) {
		a := newAPI(t)
		var of context.Context
		s := serve(t, a, handlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) { of = ctx; return nil, nil }))
		a.call("/next")
		a.invoke(event0)
		a.call("/response")
		a.call("/next")
		ran := false
		runtimeapi.After(of, func(context.Context) { ran = true })
		if !ran {
			t.Error("After did not call the function")
		}
		s.end()
	})
}
