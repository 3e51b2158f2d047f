package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/lambda-grpc/lambda-grpc-gateway/internal/config"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// Run is a function that serves invocations until an error: the handlers of this
// package, behind this project or behind one of the adapters that it is compared
// with. SERVE says what to serve: probe, services or test. ADAPTER says how, see
// start. Transport and base path are read as lambda/function reads them.
func Run(getenv func(string) string) error {
	table, err := config.NewTable(nil, nil)
	if err != nil {
		return err
	}
	c, err := table.ReadFunction(nil, getenv)
	if err != nil {
		return err
	}
	handler, err := newHandler(c.Transport, getenv)
	if err != nil {
		return err
	}
	options := []event.Option{event.WithBasePath(c.BasePath)}
	if limit := getenv("MAX_BODY"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil {
			return fmt.Errorf("MAX_BODY=%q: %w", limit, err)
		}
		options = append(options, event.WithMaxBodyBytes(n))
	}
	return start(getenv("ADAPTER"), c.BasePath, handler, options...)
}

func newHandler(t transport.Transport, getenv func(string) string) (http.Handler, error) {
	var options []service.Option
	switch serve := getenv("SERVE"); serve {
	case "probe":
		return New(), nil
	case "services":
		options = Services()
	case "test":
		options = testservice.Options()
	default:
		return nil, fmt.Errorf("SERVE=%q: want probe, services or test", serve)
	}
	options = append(options, service.WithReservedMetadata(eventmd.FromContext))
	if limit := getenv("MAX_REQUEST"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil {
			return nil, fmt.Errorf("MAX_REQUEST=%q: %w", limit, err)
		}
		options = append(options, service.WithServer(func(s *transport.ServerConfig) { s.MaxRecvMsgSize = n }))
	}
	return service.New(context.Background(), t, options...)
}

// start runs handler behind an adapter.
func start(adapter, basePath string, handler http.Handler, options ...event.Option) error {
	options = append(options, event.WithDeadlineMargin(time.Hour), // half of the timeout, then
		event.WithLogger(slog.New(slog.NewTextHandler(os.Stdout, nil))))
	h := event.NewHandler(handler, options...)
	switch adapter {
	case "event":
		lambda.Start(h)
	case "event-stream":
		lambda.Start(h.Stream)
	case "api-proxy-v1":
		a := httpadapter.New(handler)
		a.StripBasePath(basePath)
		lambda.Start(a.ProxyWithContext)
	case "api-proxy-v2":
		a := httpadapter.NewV2(handler)
		a.StripBasePath(basePath)
		lambda.Start(a.ProxyWithContext)
	case "api-proxy-alb":
		a := httpadapter.NewALB(handler)
		a.StripBasePath(basePath)
		lambda.Start(a.ProxyWithContext)
	}
	return errors.New("ADAPTER names none: " + adapter)
}
