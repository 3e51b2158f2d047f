package trigger_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/trigger"
	"github.com/lambda-grpc/lambda-grpc-gateway/service"
)

// An interceptor can distinguish the calls of triggers from requests over HTTP,
// whatever a client sends.
func TestMetadata_DistinguishesTriggersFromHTTP(t *testing.T) {
	isTrigger := func(ctx context.Context) bool {
		return len(metadata.ValueFromIncomingContext(ctx, trigger.MetadataPrefix+"source")) > 0
	}
	deny := func(triggers bool) service.Option {
		return service.WithUnaryInterceptors(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if isTrigger(ctx) == triggers {
				return nil, status.Error(codes.PermissionDenied, "not from there")
			}
			return next(ctx, req)
		})
	}
	var forged []string
	for _, prefix := range []string{"x-lambda-trigger-", "X-Lambda-Trigger-", "x_lambda_trigger_", "grpc-metadata-x-lambda-trigger-", "grpcgateway-x-lambda-trigger-", "x-lambda-event-"} {
		forged = append(forged, `"`+prefix+`source":"sqs"`)
	}
	request := `{"version":"2.0","rawPath":"/v1/ping","headers":{` + strings.Join(forged, ",") + `},"requestContext":{"apiId":"a","http":{"method":"GET","path":"/v1/ping"}}}`
	all := parse(t, "sqs="+order+",direct")
	for name, test := range map[string]struct {
		denied      bool // what the interceptor denies: triggers, or all else
		http        string
		reported    int
		directFails bool
		headers     service.Option
	}{
		"triggers are denied":          {denied: true, http: `"statusCode":200`, reported: 3, directFails: true},
		"all but triggers are denied":  {denied: false, http: `"statusCode":403`},
		"the headers are even allowed": {denied: false, http: `"statusCode":403`, headers: service.WithRequestHeaders("X-Lambda-Trigger-Source", "x_lambda_trigger_source")},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shop{}
			options := []service.Option{deny(test.denied)}
			if test.headers != nil {
				options = append(options, test.headers)
			}
			h := open(t, s, all, options...)
			if answer, err := invoke(t, h, request); err != nil || !strings.Contains(answer, test.http) {
				t.Errorf("HTTP: %s, %v, want %s", answer, err, test.http)
			}
			answer, err := invoke(t, h, sample(t, "sqs"))
			if err != nil || len(failures(t, answer)) != test.reported || len(s.calls) != 3-test.reported {
				t.Errorf("SQS: %s, %v, %d calls", answer, err, len(s.calls))
			}
			_, err = invoke(t, h, `{"method":"`+order+`","request":{}}`)
			if (err != nil) != test.directFails {
				t.Errorf("direct: %v", err)
			}
		})
	}
}
