package function

import (
	"context"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/eventmd"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/after"
)

// afterLists makes [event.After] work in RPC handlers, whose contexts do not
// derive from the request's. It finds the invocation of an RPC by its id, which no
// client can set.
type afterLists struct{ invocations sync.Map } // id to context

// keep stores the context of each request while next serves the request.
func (a *afterLists) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, ok := event.FromContext(r.Context()); ok && info.InvocationID != "" {
			a.invocations.Store(info.InvocationID, r.Context())
			defer a.invocations.Delete(info.InvocationID)
		}
		next.ServeHTTP(w, r)
	})
}

// A keepingInvoker stores the contexts of events that are not HTTP.
type keepingInvoker struct {
	event.Invoker
	after *afterLists
}

func (k keepingInvoker) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if info, ok := event.FromContext(ctx); ok && info.InvocationID != "" {
		k.after.invocations.Store(info.InvocationID, ctx)
		defer k.after.invocations.Delete(info.InvocationID)
	}
	return k.Invoker.Invoke(ctx, payload)
}

// with returns ctx, the context of an RPC, with the after-functions of its
// invocation.
func (a *afterLists) with(ctx context.Context) context.Context {
	ids := metadata.ValueFromIncomingContext(ctx, eventmd.Prefix+"invocation-id")
	if len(ids) == 0 {
		return ctx
	}
	if invocation, ok := a.invocations.Load(ids[0]); ok {
		return after.Share(ctx, invocation.(context.Context))
	}
	return ctx
}

func (a *afterLists) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	return next(a.with(ctx), req)
}

func (a *afterLists) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return next(srv, streamWithContext{s, a.with(s.Context())})
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s streamWithContext) Context() context.Context { return s.ctx }
