package recipes_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/function"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// asFunction is an environment variable. If it names a recipe, the test binary runs
// as the function of that recipe.
const asFunction = "RECIPE"

func TestMain(m *testing.M) {
	switch os.Getenv(asFunction) {
	case "":
	case "after":
		function.Main(bindOrders(afterOrders{}))
	case "router":
		routerMain()
	case "aws-lambda-go":
		lambdaMain()
	}
	os.Exit(m.Run())
}

// orders has one order, of three teapots.
type orders struct {
	shopv1.UnimplementedOrderServiceServer
}

func (orders) GetOrder(_ context.Context, r *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	if r.GetId() != "1" {
		return nil, status.Errorf(codes.NotFound, "there is no order %q", r.GetId())
	}
	return &shopv1.Order{Id: "1", Item: "teapot", Quantity: 3}, nil
}

func (orders) CreateOrder(_ context.Context, r *shopv1.CreateOrderRequest) (*shopv1.Order, error) {
	return &shopv1.Order{Id: "2", Item: r.GetItem(), Quantity: r.GetQuantity()}, nil
}

func (orders) WatchOrder(_ *shopv1.GetOrderRequest, stream grpc.ServerStreamingServer[shopv1.Order]) error {
	for quantity := range int32(2) {
		if err := stream.Send(&shopv1.Order{Id: "1", Item: "teapot", Quantity: quantity + 1}); err != nil {
			return err
		}
	}
	return nil
}

func (orders) ExportOrders(_ *shopv1.ExportOrdersRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	for _, piece := range []string{"id,item,quantity\n", "1,teapot,3\n"} {
		if err := stream.Send(&httpbody.HttpBody{ContentType: "text/csv", Data: []byte(piece)}); err != nil {
			return err
		}
	}
	return nil
}

func bindOrders(impl shopv1.OrderServiceServer) service.Option {
	return service.Bind[shopv1.OrderServiceServer](shopv1.RegisterOrderServiceServer, shopv1.NewOrderServiceClient,
		shopv1.RegisterOrderServiceHandlerClient, impl)
}

// open returns a service that the caller closes.
func open(options ...service.Option) *service.Service {
	quiet := service.WithLogger(slog.New(slog.DiscardHandler))
	svc, err := service.New(context.Background(), transport.InProcess(), append([]service.Option{quiet}, options...)...)
	if err != nil {
		panic(err)
	}
	return svc
}

// call serves a request with headers, given as name and value by turns.
func call(svc *service.Service, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	svc.ServeHTTP(w, r)
	return w
}

// show prints a response with the named headers.
func show(w *httptest.ResponseRecorder, headers ...string) {
	fmt.Println(w.Code)
	for _, name := range headers {
		if v := w.Header().Get(name); v != "" {
			fmt.Printf("%s: %s\n", name, v)
		}
	}
	if body, _ := io.ReadAll(w.Body); len(body) > 0 {
		// protojson varies its spaces from one build to the next.
		fmt.Println(strings.ReplaceAll(strings.TrimRight(string(body), "\n"), `, "`, `,"`))
	}
}
