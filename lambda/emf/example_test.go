package emf_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/internal/testservice"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emf"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// clock always returns the same time, so calls take no time.
func clock() time.Time { return time.UnixMilli(1_800_000_000_000) }

// A program records its own metrics. On Lambda the writer is os.Stdout, and the
// clock is the default.
func ExampleRecorder_Observe() {
	recorder, err := emf.New(os.Stdout, emf.Config{Namespace: "shop", Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, total := range []float64{9.5, 20, 9.5} {
		recorder.Observe("order_total", "None", total, emf.Dimension{Name: "country", Value: "de"})
		recorder.Add("orders", "Count", 1, emf.Dimension{Name: "country", Value: "de"})
	}
	if err := recorder.Flush(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["country"]],"Metrics":[{"Name":"order_total","Unit":"None"},{"Name":"orders","Unit":"Count"}]}]},"country":"de","order_total":{"Values":[9.5,20],"Counts":[2,1],"Min":9.5,"Max":20,"Sum":39,"Count":3},"orders":3}
}

// A Service flushes the Recorder that instruments it, at the latest when it is
// closed.
func ExampleRecorder_Instrument() {
	recorder, err := emf.New(os.Stdout, emf.Config{Namespace: "shop", Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	svc, err := service.New(context.Background(), transport.InProcess(),
		service.Bind[testv1.PingServiceServer](testv1.RegisterPingServiceServer, testv1.NewPingServiceClient,
			testv1.RegisterPingServiceHandlerClient, testservice.PingService{}),
		service.WithInstrumentation(recorder.Instrument),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	svc.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/ping", nil))
	if err := svc.Close(); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["grpc_service","grpc_method"]],"Metrics":[{"Name":"grpc_server_handling_seconds","Unit":"Seconds"}]}]},"grpc_method":"Ping","grpc_server_handling_seconds":{"Values":[0],"Counts":[1],"Min":0,"Max":0,"Sum":0,"Count":1},"grpc_service":"test.v1.PingService"}
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["grpc_service","grpc_method","grpc_code"]],"Metrics":[{"Name":"grpc_server_handled_total","Unit":"Count"}]}]},"grpc_code":"OK","grpc_method":"Ping","grpc_server_handled_total":1,"grpc_service":"test.v1.PingService"}
	// {"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["transport"]],"Metrics":[{"Name":"grpc_gateway_transport_info"}]}]},"grpc_gateway_transport_info":1,"transport":"inproc"}
}
