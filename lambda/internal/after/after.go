// Package after holds the functions that run after the response of an invocation
// is posted. Package runtimeapi runs them. Package event registers them without
// importing the Runtime API client.
package after

import (
	"context"
	"sync"
)

// Key is the context key whose value is the invocation's *[List].
type Key struct{}

// A List has the functions of one invocation in the order in which they were
// added. It is safe for concurrent use. The zero value is an empty list.
type List struct {
	mu        sync.Mutex
	functions []func(context.Context)
	closed    bool
}

// Next removes the oldest function and returns it. If there is none, it closes the
// list and returns nil.
func (l *List) Next() func(context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.functions) == 0 {
		l.closed = true
		return nil
	}
	f := l.functions[0]
	l.functions = l.functions[1:]
	return f
}

// Close closes the list and returns the number of functions that were still in it.
func (l *List) Close() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	n := len(l.functions)
	l.functions = nil
	return n
}

// add adds f. It reports false if the list is closed.
func (l *List) add(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.functions = append(l.functions, f)
	}
	return !l.closed
}

// Add adds f to the list in ctx. If ctx has no list, or the list is closed, Add
// calls f with ctx.
func Add(ctx context.Context, f func(context.Context)) {
	if l, ok := ctx.Value(Key{}).(*List); !ok || !l.add(f) {
		f(ctx)
	}
}

// Share returns ctx with the list of from, or ctx itself if from has no list.
func Share(ctx, from context.Context) context.Context {
	if l, ok := from.Value(Key{}).(*List); ok {
		return context.WithValue(ctx, Key{}, l)
	}
	return ctx
}
