package transport

import (
	"context"
	"errors"
	"strings"
)

// FirstOf returns the transport that opens the first of the given ones that
// works. For each that did not, it logs one warning with the cause. It fails
// when none works, with all the causes, or when the context ends.
func FirstOf(transports ...Transport) Transport { return firstOf(transports) }

type firstOf []Transport

// Name is the names in order, joined with commas.
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
		c, err := t.Open(ctx, s)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
		if i < len(f)-1 {
			s.logger().WarnContext(ctx, "transport passed over", "transport", t.Name(), "next", f[i+1].Name(), "error", err)
		}
	}
	return nil, errors.Join(errs...)
}
