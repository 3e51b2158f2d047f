package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// fake is a transport whose Open takes some time, possibly for ever, and may
// fail.
type fake struct {
	name  string
	takes time.Duration // negative: until the context ends
	err   error
}

type fakeConn struct {
	grpc.ClientConnInterface
	name string
}

func (fakeConn) Close() error        { return nil }
func (c fakeConn) Transport() string { return c.name }

func (f fake) Name() string { return f.name }

func (f fake) Open(ctx context.Context, _ transport.ServerConfig) (transport.Conn, error) {
	var timeout <-chan time.Time
	if f.takes >= 0 {
		timeout = time.After(f.takes)
	}
	select {
	case <-timeout:
		if f.err != nil {
			return nil, f.err
		}
		return fakeConn{name: f.name}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestFirstOf_SharesTheTimeout(t *testing.T) {
	const forever = -1
	for name, test := range map[string]struct {
		timeout    time.Duration // zero: none
		transports []transport.Transport
		opened     string
		after      time.Duration
		errors     []string
	}{
		"one that hangs leaves half of the time": {
			10 * time.Second, []transport.Transport{fake{name: "a", takes: forever}, fake{name: "b"}}, "b", 5 * time.Second, nil,
		},
		"two that hang leave a third": {
			9 * time.Second, []transport.Transport{fake{name: "a", takes: forever}, fake{name: "b", takes: forever}, fake{name: "c", takes: time.Second}},
			"c", 7 * time.Second, nil,
		},
		"the last one has all that is left": {
			10 * time.Second, []transport.Transport{fake{name: "a", err: errors.New("no")}, fake{name: "b", takes: 9 * time.Second}}, "b", 9 * time.Second, nil,
		},
		"the first one may take its share": {
			10 * time.Second, []transport.Transport{fake{name: "a", takes: 4 * time.Second}, fake{name: "b"}}, "a", 4 * time.Second, nil,
		},
		"without a deadline one that hangs takes 2 seconds": {
			0, []transport.Transport{fake{name: "a", takes: forever}, fake{name: "b", takes: time.Hour}}, "b", time.Hour + 2*time.Second, nil,
		},
		"the error says who failed at what": {
			4 * time.Second, []transport.Transport{fake{name: "a", takes: forever}, fake{name: "b", err: errors.New("no such thing")}, fake{name: "c", takes: forever}},
			"", 4 * time.Second, []string{"transport a: not open within 1.333s", "transport b: no such thing", "transport c: context deadline exceeded"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				start := time.Now()
				conn, err := transport.FirstOf(test.transports...).Open(ctx, transport.ServerConfig{})
				if took := time.Since(start); took != test.after {
					t.Errorf("Open took %v, want %v", took, test.after)
				}
				if test.opened != "" {
					if err != nil {
						t.Fatal(err)
					}
					if conn.Transport() != test.opened {
						t.Errorf("opened %s, want %s", conn.Transport(), test.opened)
					}
					return
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v, want one that wraps context.DeadlineExceeded", err)
				}
				for _, want := range test.errors {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("error = %v, want %q in it", err, want)
					}
				}
			})
		})
	}
}
