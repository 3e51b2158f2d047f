package runtimeapi

import (
	"context"
	"runtime/debug"
	"time"
)

// afterMargin is the time between the end of the after-functions and the
// deadline. Lambda ends a process that has not asked for the next invocation by
// the deadline, even if it has responded.
const afterMargin = 50 * time.Millisecond

// runAfter runs the invocation's own after-functions, then those of RegisterAfter.
func (w *worker) runAfter(inv *invocation) {
	list, every := &inv.ctx.after, w.client.after
	f := list.Next()
	if f == nil && len(every) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(inv.ctx), inv.deadline.Add(-afterMargin))
	defer cancel()
	for ; f != nil; f = list.Next() {
		if !w.runOne(ctx, inv, f) {
			w.dropped(inv, list.Close()+len(every))
			return
		}
	}
	for i, f := range every {
		if !w.runOne(ctx, inv, f) {
			w.dropped(inv, len(every)-i-1)
			return
		}
	}
}

// runOne runs f on a new goroutine and reports whether f returned in time. f may
// call runtime.Goexit, and it may run on after runOne returns.
func (w *worker) runOne(ctx context.Context, inv *invocation, f func(context.Context)) bool {
	if ctx.Err() == nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer w.client.logPanic("an after-function panicked", "requestId", inv.id)
			f(ctx)
		}()
		select {
		case <-done:
			return true
		case <-ctx.Done():
		}
	}
	w.client.log.Warn("runtimeapi: an after-function was cut at the deadline", "requestId", inv.id)
	return false
}

func (w *worker) dropped(inv *invocation, n int) {
	if n > 0 {
		w.client.log.Warn("runtimeapi: after-functions were dropped at the deadline", "requestId", inv.id, "count", n)
	}
}

// logPanic recovers and logs a panic. It is deferred.
func (c *Client) logPanic(what string, args ...any) {
	if v := recover(); v != nil {
		c.log.Error("runtimeapi: "+what, append(args, "panic", v, "stack", string(debug.Stack()))...)
	}
}
