package eventmd_test

import (
	"context"
	"fmt"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
)

func ExampleFromContext() {
	// In a function, an event.Handler makes the Info from the event.
	ctx := event.NewContext(context.Background(), event.Info{
		Source:   event.HTTPAPI,
		TenantID: "Zoë",
		Authorizer: event.Authorizer{
			Type:      event.JWTAuthorizer,
			Principal: "alice",
			Claims:    map[string]string{"sub": "alice", "role": "admin"},
		},
	})
	for key, value := range eventmd.FromContext(ctx) {
		fmt.Println(key, "=", value)
	}
	// Output:
	// x-lambda-event-source = http-api
	// x-lambda-event-tenant-id-bin = Zoë
	// x-lambda-event-authorizer-type = jwt
	// x-lambda-event-authorizer-principal = alice
	// x-lambda-event-authorizer-claims = {"role":"admin","sub":"alice"}
}
