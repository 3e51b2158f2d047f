package runtimeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/after"
)

const (
	headerRequestID       = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline        = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN     = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID         = "Lambda-Runtime-Trace-Id"
	headerClientContext   = "Lambda-Runtime-Client-Context"
	headerCognitoIdentity = "Lambda-Runtime-Cognito-Identity"
	headerTenantID        = "Lambda-Runtime-Aws-Tenant-Id"
)

// invocation is one event while a worker handles it.
type invocation struct {
	id        string
	deadline  time.Time
	ctx       *invocationContext
	cancel    context.CancelFunc
	streaming bool     // a part of the response may be posted
	failure   *failure // the response, if the handler is not to be called
}

// invocationContext is the context of a handler's invocation.
type invocationContext struct {
	context.Context
	traceID string
	after   after.List
}

// Value implements context.Context. The trace id has the same key as in
// aws-lambda-go.
func (c *invocationContext) Value(key any) any {
	switch key {
	case "x-amzn-trace-id":
		return c.traceID
	case after.Key{}:
		return &c.after
	}
	return c.Context.Value(key)
}

// newInvocation returns the invocation for the headers of an event. The invocation
// fails if err is not nil or a header is malformed.
func (c *Client) newInvocation(h *response, err error) *invocation {
	inv := &invocation{id: h.get(headerRequestID)}
	lc := &lambdacontext.LambdaContext{
		AwsRequestID:       inv.id,
		InvokedFunctionArn: h.get(headerFunctionARN),
		TenantID:           h.get(headerTenantID),
	}
	if err == nil {
		err = inv.parse(h, lc)
	} else {
		err = fmt.Errorf("the event is larger than %d bytes", maxEventBytes)
	}
	if err != nil {
		inv.failure = newFailure(err)
		if inv.deadline.IsZero() {
			inv.deadline = time.Now().Add(c.timing.reply)
		}
	}
	inner, cancel := context.WithDeadline(c.base, inv.deadline)
	inv.ctx = &invocationContext{Context: lambdacontext.NewContext(inner, lc), traceID: h.get(headerTraceID)}
	inv.cancel = cancel
	return inv
}

func (inv *invocation) parse(h *response, lc *lambdacontext.LambdaContext) error {
	ms, err := strconv.ParseInt(h.get(headerDeadline), 10, 64)
	if err != nil {
		return fmt.Errorf("failed to parse deadline: %w", err)
	}
	inv.deadline = time.UnixMilli(ms)
	if v := h.get(headerClientContext); v != "" {
		if err := json.Unmarshal([]byte(v), &lc.ClientContext); err != nil {
			return fmt.Errorf("failed to unmarshal client context json: %w", err)
		}
	}
	if v := h.get(headerCognitoIdentity); v != "" {
		if err := json.Unmarshal([]byte(v), &lc.Identity); err != nil {
			return fmt.Errorf("failed to unmarshal cognito identity json: %w", err)
		}
	}
	return nil
}
