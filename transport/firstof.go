package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// attemptTimeout bounds each attempt of a [FirstOf] except the last if the
// context has no deadline. Opening takes milliseconds.
const attemptTimeout = 2 * time.Second

// FirstOf returns a transport whose Open tries the given transports in order
// and returns the first Conn. It logs a warning with the cause for each one
// that fails. If all fail, or the context ends, it returns all the causes.
//
// A transport that hangs does not use up the time of the others. Each attempt
// gets an equal share of the time until the context's deadline. Without a
// deadline, each attempt except the last gets 2 seconds.
func FirstOf(transports ...Transport) Transport { return firstOf(transports) }

type firstOf []Transport

// Name returns the names in order, joined with commas.
func (f firstOf) Name() string {
	names := make([]string, len(f))
	for i, t := range f {
		names[i] = t.Name()
	}
	return strings.Join(names, ",")
}

func (f firstOf) Open(ctx context.Context, s ServerConfig) (Conn, error) {
	if len(f) == 0 {
		return nil, errors.New("transport: FirstOf has no transports to choose from")
	}
	var errs []error
	for i, t := range f {
		c, err := openWithin(ctx, len(f)-i, t, s)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
		if i < len(f)-1 {
			s.logger().WarnContext(ctx, "transport could not be opened, trying the next", "transport", t.Name(), "next", f[i+1].Name(), "error", err)
		}
	}
	return nil, errors.Join(errs...)
}

// openWithin opens t within 1/n of the time that ctx leaves. The error names
// t.
func openWithin(ctx context.Context, n int, t Transport, s ServerConfig) (Conn, error) {
	if n > 1 {
		share := attemptTimeout
		if deadline, ok := ctx.Deadline(); ok {
			share = time.Until(deadline) / time.Duration(n)
		}
		cause := fmt.Errorf("not open within %v, its share of the timeout: %w", share.Round(time.Millisecond), context.DeadlineExceeded)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, share, cause)
		defer cancel()
	}
	c, err := t.Open(ctx, s)
	if prefix := "transport " + t.Name() + ": "; err != nil && !strings.HasPrefix(err.Error(), prefix) {
		err = fmt.Errorf("%s%w", prefix, err) // only a transport of another package needs the prefix
	}
	return c, err
}
