package trigger_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	testv1 "github.com/lambda-grpc/lambda-grpc-gateway/gen/test/v1"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
)

func TestDirectInvocation(t *testing.T) {
	s := &shop{serve: func(_ context.Context, request proto.Message) error {
		switch r, _ := request.(*testv1.OrderRequest); r.GetItem() {
		case "gone":
			st, err := status.New(codes.NotFound, "no such item").WithDetails(&errdetails.ErrorInfo{Reason: "GONE"})
			if err != nil {
				return err
			}
			return st.Err()
		case "secret":
			return status.Error(codes.Internal, "password=hunter2")
		}
		return nil
	}}
	h := open(t, s, []trigger.Trigger{trigger.Direct("test.v1.TriggerService")})
	for name, test := range map[string]struct{ payload, answer, errType, message string }{
		"a response": {`{"method":"` + order + `","request":{"item":"x","quantity":"2"}}`, `{"item":"x","quantity":"2"}`, "", ""},
		"a slash in front of the method": {
			`{"request":{},"method":"/` + order + `"}`, `{"item":"","quantity":"0"}`, "", ""},
		"an error has its code and details": {`{"method":"` + order + `","request":{"item":"gone"}}`, "",
			"NotFound", `{"code":5,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"","metadata":{},"reason":"GONE"}],"message":"no such item"}`},
		"the message of an Internal error is masked": {`{"method":"` + order + `","request":{"item":"secret"}}`, "",
			"Internal", `{"code":13,"message":"the server failed to answer: Internal"}`},
		"a request that does not decode": {`{"method":"` + order + `","request":{"quantity":"x"}}`, "", "InvalidArgument", "quantity"},
		"a service that is not allowed":  {`{"method":"test.v1.PingService/Ping","request":{}}`, "", "Unimplemented", "test.v1.PingService/Ping"},
		"a stream":                       {`{"method":"test.v1.TriggerService/Watch","request":{}}`, "", "Unimplemented", "Watch"},
		"no method":                      {`{"method":"","request":{}}`, "", "Unimplemented", "unknown method"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := h.Invoke(t.Context(), []byte(test.payload))
			if test.errType == "" {
				if diff := cmp.Diff(decoded(t, test.answer), decoded(t, string(out))); err != nil || diff != "" {
					t.Errorf("%v: %s", err, diff)
				}
				return
			}
			failure, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint // what the Runtime API client looks for
			if !ok || failure.Type != test.errType {
				t.Fatalf("%s, %v, want an error of type %s", out, err, test.errType)
			}
			if !strings.HasPrefix(test.message, "{") {
				if !strings.Contains(failure.Message, test.message) {
					t.Errorf("%s does not say %s", failure.Message, test.message)
				}
				return
			}
			want, got := decoded(t, test.message).(map[string]any), decoded(t, failure.Message).(map[string]any)
			if details, ok := got["details"].([]any); ok {
				detail := details[0].(map[string]any)
				for key, zero := range map[string]any{"domain": "", "metadata": map[string]any{}} {
					if detail[key] == nil {
						detail[key] = zero
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if source := s.seen[0].Get(trigger.MetadataPrefix + "source"); len(source) != 1 || source[0] != "direct" {
		t.Errorf("source %q", source)
	}
}

func decoded(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}
