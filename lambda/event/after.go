package event

import (
	"context"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/after"
)

// After registers f to run after the response has been sent and before the
// function takes its next event. Use it for work that need not delay the
// response. ctx is the request's context or derives from it.
//
// It needs package runtimeapi to run the function. runtimeapi.After documents
// the order of several functions, and the context that f gets and its deadline.
// Under aws-lambda-go, and outside Lambda, nothing can run at that point, so
// After calls f with ctx before it returns.
func After(ctx context.Context, f func(context.Context)) { after.Add(ctx, f) }
