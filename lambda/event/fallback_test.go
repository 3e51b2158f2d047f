package event_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
)

type invokerFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f invokerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

func TestFallback(t *testing.T) {
	errOwn := errors.New("own")
	h := event.NewHandler(http.NotFoundHandler(), event.WithFallback(invokerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		info, ok := event.FromContext(ctx)
		if !ok || info.InvocationID != "i" || info.Source != "" {
			t.Errorf("info %+v", info)
		}
		switch string(payload) {
		case `{"fails":1}`:
			return nil, errOwn
		case `{"unknown":1}`:
			return nil, event.ErrUnrecognized
		case `{"other":1}`:
			return nil, fmt.Errorf("want mine: %w", event.ErrUnrecognized)
		}
		return append([]byte("got "), payload...), nil
	})))
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "i"})
	for payload, want := range map[string]string{
		`{"mine":1}`: `got {"mine":1}`,
		`[1]`:        `got [1]`,
		``:           `got `,
		`{"requestContext":{"connectionId":"x"}}`: `got {"requestContext":{"connectionId":"x"}}`,
		`{"fails":1}`:   `own`,
		`{"unknown":1}`: `event: not an HTTP event`,
		`{"broken`:      `event: decoding`,
		string(payload(t, "http-api", request{target: "/"})): `{"statusCode":404`,
	} {
		for mode, invoke := range map[string]func() ([]byte, error){
			"buffered": func() ([]byte, error) { return h.Invoke(ctx, []byte(payload)) },
			"streamed": func() ([]byte, error) {
				r, err := h.Stream(ctx, []byte(payload))
				if err != nil {
					return nil, err
				}
				return io.ReadAll(r)
			},
		} {
			out, err := invoke()
			if err != nil {
				out = []byte(err.Error())
			}
			if !strings.HasPrefix(string(out), want) {
				t.Errorf("%s, %q: %s, want %s", mode, payload, out, want)
			}
		}
	}
	var unsupported *event.UnsupportedEventError
	if _, err := h.Invoke(ctx, []byte(`{"other":1}`)); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), `["other"]; want mine`) {
		t.Errorf("unknown, with a reason: %v", err)
	}
	if _, err := h.Invoke(ctx, []byte(`{"fails":1}`)); err != errOwn { //nolint:errorlint // as it is: the Runtime API client looks at its type
		t.Errorf("the fallback's error is %#v", err)
	}
}

func TestFunctionErrors(t *testing.T) {
	status := 0
	h := event.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status == 0 {
			panic("in the handler")
		}
		w.WriteHeader(status)
	}), event.WithFunctionErrors(), quiet())
	each(t, func(t *testing.T, kind string) {
		for _, status = range []int{200, 404, 499, 500, 503, 599, 0} {
			out, err := h.Invoke(t.Context(), payload(t, kind, request{target: "/"}))
			var failed *event.ServerError
			if want := status >= 500 || status == 0; errors.As(err, &failed) != want || want && failed.Status != max(status, 500) || !want && len(out) == 0 {
				t.Errorf("%d: %s, %v", status, out, err)
			}
		}
	})
}
