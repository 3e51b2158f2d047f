package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	shopv1 "github.com/lambda-grpc/lambda-grpc-gateway/docs/recipes/gen/shop/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

type invoices struct{ orders }

func (invoices) GetInvoice(ctx context.Context, r *shopv1.GetOrderRequest) (*httpbody.HttpBody, error) {
	name := mime.FormatMediaType("attachment", map[string]string{"filename": "invoice-" + r.GetId() + ".pdf"})
	if err := grpc.SetHeader(ctx, metadata.Pairs("content-disposition", name)); err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{ContentType: "application/pdf", Data: []byte("%PDF-1.7\n")}, nil
}

// A photoStore keeps what is uploaded.
type photoStore interface {
	Put(ctx context.Context, id, contentType string, data []byte) error
}

const maxPhoto = 4 << 20

func uploadPhoto(store photoStore) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPhoto))
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			http.Error(w, fmt.Sprintf("a photo may have %d bytes", tooLarge.Limit), http.StatusRequestEntityTooLarge)
			return
		} else if err != nil {
			http.Error(w, "the body ended early", http.StatusBadRequest)
			return
		}
		if err := store.Put(r.Context(), r.PathValue("id"), r.Header.Get("Content-Type"), data); err != nil {
			http.Error(w, "the photo was not stored", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// printed is a photoStore.
type printed struct{}

func (printed) Put(_ context.Context, id, contentType string, data []byte) error {
	fmt.Printf("%s: %s, %d bytes, %q\n", id, contentType, len(data), data)
	return nil
}

func Example_download() {
	svc := open(bindOrders(invoices{}), service.WithResponseHeaders("Content-Disposition"))
	defer svc.Close()
	show(call(svc, "GET", "/v1/orders/1/invoice", ""), "Content-Type", "Content-Disposition")
	show(call(svc, "GET", "/v1/orders:export", ""), "Content-Type")
	// Output:
	// 200
	// Content-Type: application/pdf
	// Content-Disposition: attachment; filename=invoice-1.pdf
	// %PDF-1.7
	// 200
	// Content-Type: text/csv
	// id,item,quantity
	// 1,teapot,3
}

func Example_upload() {
	svc := open(bindOrders(orders{}),
		service.WithRoute("PUT /v1/orders/{id}/photo", uploadPhoto(printed{})),
	)
	defer svc.Close()
	show(call(svc, "PUT", "/v1/orders/1/photo", "\x89PNG\x00\xff", "Content-Type", "image/png"))
	show(call(svc, "PUT", "/v1/orders/1/photo", string(make([]byte, maxPhoto+1))))
	// Output:
	// 1: image/png, 6 bytes, "\x89PNG\x00\xff"
	// 204
	// 413
	// a photo may have 4194304 bytes
}
