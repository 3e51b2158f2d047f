package metrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/prometheus/client_golang/prometheus"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/metrics"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// The metrics count each call by its method and code.
func ExampleWithRegisterer() {
	registry := prometheus.NewRegistry()
	svc, err := service.New(context.Background(), transport.InProcess(),
		service.Bind[testv1.PingServiceServer](
			testv1.RegisterPingServiceServer,
			testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient,
			testservice.PingService{},
		),
		service.WithLogger(slog.New(slog.DiscardHandler)),
		metrics.WithRegisterer(registry))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer svc.Close()
	svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/ping", nil))

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, family := range families {
		if family.GetName() != "grpc_server_handled_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				fmt.Println(label.GetName(), label.GetValue())
			}
			fmt.Println(metric.GetCounter().GetValue())
		}
	}
	// Output:
	// grpc_code OK
	// grpc_method Ping
	// grpc_service test.v1.PingService
	// grpc_type unary
	// 1
}
