package event

import (
	"context"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/after"
)

// After registers f to run when the response to the request of ctx has been
// sent, before the function takes its next event: what need not delay the
// response belongs there. ctx is the request's context or derives from it.
//
// It works when package runtimeapi runs the function, whose function After has
// the details: the order of several functions, the context that f gets and its
// deadline. Under aws-lambda-go, and outside of Lambda, nothing can run at that
// point, and After calls f itself, with ctx.
func After(ctx context.Context, f func(context.Context)) { after.Add(ctx, f) }
