package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/page"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/record"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// docs is the page and what it shows; nil where there is none, and then nothing
// is recorded.
type docs struct {
	listener net.Listener
	recorder *record.Recorder
	page     page.Config
	logger   *slog.Logger
}

// newDocs returns the docs of a server whose URLs begin with prefix.
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
		logger.Warn("the page shows the calls of all clients to whoever can reach it: want a loopback address", "docs", address.String())
	}
	return d
}

// options has a Service record its calls.
func (d *docs) options() []service.Option {
	if d == nil {
		return nil
	}
	return []service.Option{service.WithObserver(d.recorder)}
}

// record returns h with its calls recorded. The page calls the same.
func (d *docs) record(h http.Handler) http.Handler {
	if d == nil {
		return h
	}
	d.page.Handler = d.recorder.Handler(h)
	return d.page.Handler
}

// serve serves the page until ctx ends. http and grpc are the other listeners.
func (d *docs) serve(ctx context.Context, c *config.Config, http, grpc net.Listener) error {
	d.page.HTTPAddress, d.page.GRPCAddress = shown(http), shown(grpc)
	handler, err := page.New(d.page)
	if err != nil {
		return err
	}
	return serveHTTP(ctx, d.listener, handler, c, d.logger)
}

// shown is the address of a listener as a client on this machine writes it, or
// nothing without one.
func shown(l net.Listener) string {
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
