package service

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// An Instrumentation observes the requests and calls of one Service, for
// example to record metrics or traces. Nil fields are ignored.
type Instrumentation struct {
	// Middleware wraps the handler of the whole Service.
	Middleware func(http.Handler) http.Handler

	// MuxOptions are passed to the gateway's muxes, as those of
	// [WithMuxOptions] are.
	MuxOptions []runtime.ServeMuxOption

	// UnaryInterceptor and StreamInterceptor run inside logging and outside
	// recovery, so they see a panic as an Internal error.
	UnaryInterceptor  grpc.UnaryServerInterceptor
	StreamInterceptor grpc.StreamServerInterceptor

	// ClientCall is called before the Service makes a call, and ServerCall
	// when a server has received a call of a method that it has, before
	// logging and all other interceptors. Neither is called for health
	// checks. They return the context of the call, and a function that is
	// called once with the call's error, or nil for success: for a client when
	// the call has ended, for a server before the client learns of the end.
	//
	// md is the metadata of the call. ClientCall may change it. The Service adds
	// the reserved metadata later. ServerCall must not change md. own is true for
	// the calls that the Service made itself, through the gateway or
	// [Service.Conn], and false for those of gRPC clients.
	ClientCall func(ctx context.Context, method string, md metadata.MD) (context.Context, func(error))
	ServerCall func(ctx context.Context, method string, md metadata.MD, own bool) (context.Context, func(error))

	// SpanContext returns the ids of the span in a context, which
	// [NewLogHandler] adds to log records. Without a span it returns empty
	// strings.
	SpanContext func(context.Context) (traceID, spanID string)

	// Opened is called with the name of the transport once it is known, and
	// again after a lost transport has been reopened, possibly as a different
	// one.
	Opened func(transport string)

	// Flush exports the recorded data. See [Service.Flush].
	Flush func(context.Context) error

	// Close is called once, after the Service has been closed or New has
	// failed. It flushes and releases what the instrumentation holds. The
	// context ends after [transport.ServerConfig.DrainTimeout].
	Close func(context.Context) error
}

// A Host gives an Instrumentation access to parts of its Service.
type Host struct {
	Logger *slog.Logger // the Service's logger

	// ReservedMetadata returns the metadata that [WithReservedMetadata]
	// yields for the context of an HTTP request, or of a call on
	// [Service.Conn]. It is never nil.
	ReservedMetadata func(context.Context) iter.Seq2[string, string]

	// FlushesAfterResponse is true with [WithFlushAfterResponse]: an
	// Instrumentation may postpone work until its Flush or Close.
	FlushesAfterResponse bool
}

// WithInstrumentation adds the Instrumentation that start returns. [New]
// calls start once and fails with its error. The first of several is the
// outermost.
func WithInstrumentation(start func(Host) (Instrumentation, error)) Option {
	return func(c *config) { c.instrument = append(c.instrument, start) }
}

// WithFlushAfterResponse tells the Instrumentations that the caller calls
// [Service.Flush] after each response. They may then postpone work until Flush,
// so that a response does not wait for it. function.Main does this. Do not use
// it if nothing calls Flush: spans, for example, would end late.
func WithFlushAfterResponse() Option { return func(c *config) { c.flushes = true } }

// instrumentations are those of one Service, outermost first.
type instrumentations []Instrumentation

// startInstrumentations starts all of them or none.
func (c *config) startInstrumentations() (instrumentations, error) {
	host := Host{Logger: c.logger, ReservedMetadata: c.reserved, FlushesAfterResponse: c.flushes}
	if host.ReservedMetadata == nil {
		host.ReservedMetadata = func(context.Context) iter.Seq2[string, string] { return func(func(string, string) bool) {} }
	}
	var all instrumentations
	for _, start := range c.instrument {
		i, err := start(host)
		if err != nil {
			ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
			defer cancel()
			return nil, errors.Join(err, all.close(ctx))
		}
		all = append(all, i)
	}
	return all, nil
}

// around wraps next in all the middleware.
func (all instrumentations) around(next http.Handler) http.Handler {
	for _, i := range slices.Backward(all) {
		if i.Middleware != nil {
			next = i.Middleware(next)
		}
	}
	return next
}

func (all instrumentations) muxOptions() (options []runtime.ServeMuxOption) {
	for _, i := range all {
		options = append(options, i.MuxOptions...)
	}
	return options
}

// endings are the functions that await the end of one call, outermost first.
type endings []func(error)

// run calls the functions once, the last one first. If one panics, the others
// are called nevertheless, since the call then fails.
func (e *endings) run(err error) {
	if len(*e) == 0 {
		return
	}
	last := len(*e) - 1
	end := (*e)[last]
	*e = (*e)[:last]
	returned := false
	defer func() {
		if !returned {
			err = errExited
		}
		e.run(err)
	}()
	end(err)
	returned = true
}

// seeClientCalls reports whether clientCall does anything.
func (all instrumentations) seeClientCalls(method string) bool {
	return !isHealth(method) && slices.ContainsFunc(all, func(i Instrumentation) bool { return i.ClientCall != nil })
}

// clientCall appends to ends.
func (all instrumentations) clientCall(ctx context.Context, method string, md metadata.MD, ends *endings) context.Context {
	for _, i := range all {
		if i.ClientCall != nil {
			var end func(error)
			ctx, end = i.ClientCall(ctx, method, md)
			*ends = append(*ends, end)
		}
	}
	return ctx
}

// serverCall appends to ends.
func (all instrumentations) serverCall(ctx context.Context, method string, md metadata.MD, own bool, ends *endings) context.Context {
	if isHealth(method) {
		return ctx
	}
	for _, i := range all {
		if i.ServerCall != nil {
			var end func(error)
			ctx, end = i.ServerCall(ctx, method, md, own)
			*ends = append(*ends, end)
		}
	}
	return ctx
}

func (all instrumentations) spanContext(ctx context.Context) (traceID, spanID string) {
	for _, i := range all {
		if i.SpanContext != nil {
			if traceID, spanID = i.SpanContext(ctx); traceID != "" {
				break
			}
		}
	}
	return traceID, spanID
}

func (all instrumentations) opened(ctx context.Context, transport string) error {
	var errs []error
	for _, i := range all {
		if i.Opened != nil {
			errs = append(errs, contained(ctx, func(context.Context) error {
				i.Opened(transport)
				return nil
			}))
		}
	}
	return errors.Join(errs...)
}

func (all instrumentations) flush(ctx context.Context) error {
	var errs []error
	for _, i := range all {
		errs = append(errs, contained(ctx, i.Flush))
	}
	return errors.Join(errs...)
}

func (all instrumentations) close(ctx context.Context) error {
	var errs []error
	for _, i := range all {
		errs = append(errs, contained(ctx, i.Close))
	}
	return errors.Join(errs...)
}

// contained calls f, if there is one. A panic of f is returned as an error, so
// that the other instrumentations are still called.
func contained(ctx context.Context, f func(context.Context) error) (err error) {
	if f == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("service: panic in an instrumentation: %v", p)
		}
	}()
	return f(ctx)
}

// Flush exports the data that the instrumentation has recorded, such as
// spans. Call it after a response has been sent if the process may be frozen
// between requests, as on Lambda. It is not needed elsewhere. ctx bounds it.
// Flush is safe for concurrent use.
func (s *Service) Flush(ctx context.Context) error { return s.instruments.flush(ctx) }

// Flushes reports whether [Service.Flush] has anything to do.
func (s *Service) Flushes() bool {
	return slices.ContainsFunc(s.instruments, func(i Instrumentation) bool { return i.Flush != nil })
}
