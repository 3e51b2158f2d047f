// Package after holds the functions that an invocation wants to run once its
// answer is posted. Package runtimeapi runs them; package event and its
// handlers register them, without importing the Runtime API client.
package after

import (
	"context"
	"sync"
)

// Key is the context key whose value is the invocation's *[List].
type Key struct{}

// A List is the functions of one invocation, in the order in which they were
// added. It is safe for concurrent use. The zero value is an empty list.
type List struct {
	mu        sync.Mutex
	functions []func(context.Context)
	closed    bool
}

// Next removes the oldest function and returns it. When there is none left, it
// closes the list and returns nil.
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

// Close closes the list and returns how many functions were left in it.
func (l *List) Close() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	n := len(l.functions)
	l.functions = nil
	return n
}

// add reports false if the list is closed.
func (l *List) add(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.functions = append(l.functions, f)
	}
	return !l.closed
}

// Add adds f to the list in ctx. Without one, or when it is closed, Add calls f
// itself, with ctx.
func Add(ctx context.Context, f func(context.Context)) {
	if l, ok := ctx.Value(Key{}).(*List); !ok || !l.add(f) {
		f(ctx)
	}
}

// Share returns ctx with the list in from, if it has one.
func Share(ctx, from context.Context) context.Context {
	if l, ok := from.Value(Key{}).(*List); ok {
		return context.WithValue(ctx, Key{}, l)
	}
	return ctx
}
