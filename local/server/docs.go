package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/page"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// docs serves the page and records the calls that it shows. A nil *docs has no page
// and records nothing.
type docs struct {
	listener net.Listener
	recorder *record.Recorder
	page     page.Config
	logger   *slog.Logger
}

// newDocs returns the docs of a server whose URL paths begin with prefix, or nil if
// l is nil.
func newDocs(l net.Listener, prefix string, c *config.Config, options []service.Option, logger *slog.Logger) *docs {
	documents := service.OpenAPI(options...)
	if l == nil {
		return nil
	}
	services := service.Bound(options...)
	d := &docs{listener: l, recorder: record.New(services, prefix), logger: logger}
	d.page = page.Config{
		Recorder: d.recorder, Services: services, OpenAPI: documents, Prefix: prefix, RPC: c.RPC,
		Events: page.Events{
			Door: func(fn emulator.Invoker, source frontdoor.Source) (http.Handler, error) {
				return doorOf(fn, source, c, logger)
			},
			Prefix: func(source frontdoor.Source) string { return prefixOf(source, c) },
			Source: frontdoor.HTTPAPI,
		},
	}
	if address, ok := l.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
		d.page.AnyAddress = true
		logger.Warn("everyone who can reach the page sees the calls of all clients: want a loopback address", "docs", address.String())
	}
	return d
}

// options returns the options that make a Service record its calls.
func (d *docs) options() []service.Option {
	if d == nil {
		return nil
	}
	return []service.Option{service.WithObserver(d.recorder)}
}

// record returns a handler that records the calls of h. The page's own calls use
// the same handler.
func (d *docs) record(h http.Handler) http.Handler {
	if d == nil {
		return h
	}
	d.page.Handler = d.recorder.Handler(h)
	return d.page.Handler
}

// serve serves the page until ctx ends. http and grpc are the other listeners.
func (d *docs) serve(ctx context.Context, c *config.Config, http, grpc net.Listener) error {
	d.page.HTTPAddress, d.page.GRPCAddress = localAddress(http), localAddress(grpc)
	handler, err := page.New(d.page)
	if err != nil {
		return err
	}
	return serveHTTP(ctx, d.listener, handler, c, d.logger)
}

// localAddress returns the address of l for clients on this machine, or "" if l is
// nil.
func localAddress(l net.Listener) string {
	if l == nil {
		return ""
	}
	address, ok := l.Addr().(*net.TCPAddr)
	if ok && (address.IP.IsUnspecified() || address.IP.IsLoopback()) {
		_, port, _ := net.SplitHostPort(address.String())
		return net.JoinHostPort("localhost", port)
	}
	return l.Addr().String()
}
