package recipes_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

type afterOrders struct{ orders }

func (o afterOrders) CreateOrder(ctx context.Context, r *shopv1.CreateOrderRequest) (*shopv1.Order, error) {
	order, err := o.orders.CreateOrder(ctx, r)
	if err != nil {
		return nil, err
	}
	event.After(ctx, func(context.Context) { fmt.Println("an email says that order", order.GetId(), "was made") })
	return order, nil
}

func TestAfter(t *testing.T) {
	url, out := startFunction(t, "after")
	for range 2 { // the first's work is done when the second begins
		response, err := http.Post(url+"/v1/orders", "application/json", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != 200 {
			t.Fatal(response.Status)
		}
	}
	if out := out(); strings.Count(out, "an email says that order 2 was made") != 2 {
		t.Errorf("output:\n%s", out)
	}
}

// startFunction starts this test binary as the function of a recipe, behind an
// HTTP API. out stops it and returns what it has printed.
func startFunction(t *testing.T, recipe string) (url string, out func() string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer // read when the function has ended
	fn, err := emulator.Start(context.Background(), emulator.Config{
		Path: path, Env: []string{asFunction + "=" + recipe, "TRANSPORT=inproc"}, TempDir: t.TempDir(), Stdout: &printed, Stderr: &printed,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, printed.String())
	}
	t.Cleanup(func() { _ = fn.Close() })
	door, err := frontdoor.New(fn, frontdoor.HTTPAPI)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(door)
	t.Cleanup(s.Close)
	return s.URL, func() string {
		t.Helper()
		if err := fn.Close(); err != nil {
			t.Error(err)
		}
		return printed.String()
	}
}
