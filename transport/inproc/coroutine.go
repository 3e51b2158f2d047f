package inproc

import (
	"fmt"
	"iter"
	"runtime/debug"
)

// A coroutine runs the handlers of unary calls, one after the other, in turns
// with their clients: one of the two runs. To change over costs a twentieth of
// waking a goroutine, and the stack has grown to its size in earlier calls.
//
// A client that waits in resume cannot leave by itself when its context ends.
// For that there is detach. docs/decisions/coroutines.md has the reasons.
type coroutine struct {
	resume func() (struct{}, bool) // runs call until its handler has returned, or detach
	stop   func()                  // ends the coroutine
	yield  func(struct{}) bool     // returns from resume

	broken bool // a handler ended its goroutine: only stop may follow

	request, response scratch

	// Guarded by the server's mutex.
	call           *unaryCall // nil when it waits for one
	round          uint64     // the watchman's when the call began
	previous, next *coroutine // in one of the server's lists
}

func newCoroutine() *coroutine {
	c := new(coroutine)
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for c.serve() && yield(struct{}{}) {
		}
	})
	return c
}

// serve runs a call. It returns false when its client is gone, in which case
// the coroutine ends.
func (c *coroutine) serve() bool {
	u := c.call // set before resume
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil {
			crash(p)
		}
		// This is runtime.Goexit, which iter.Pull would go on with in the client.
		u.complete(nil, errGone)
		if !u.joinDetached() {
			c.broken = true
			c.yield(struct{}{})
		}
	}()
	u.serve()
	returned = true
	return !u.joinDetached()
}

// crash ends the process, as a panic in a handler does on any goroutine of a
// server. From a coroutine, the panic would go on in the client instead, where
// net/http, say, recovers from it.
func crash(p any) {
	stack := debug.Stack()
	go panic(fmt.Sprintf("%v [in a handler]\n\n%s", p, stack))
	select {}
}

// detach makes resume return while the handler is still running. From then on
// the coroutine has a goroutine of its own, and it ends with the call. Before
// the handler has started and after it has returned, detach does nothing: then
// resume returns soon, or has returned.
func (u *unaryCall) detach() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.serving || u.detached != nil {
		return
	}
	u.detached = make(chan struct{})
	// For iter.Pull this is a sequence whose value another goroutine yields, and
	// which ends while that goroutine waits for the next value to be asked for.
	u.conn.server.workers.running.Go(func() { u.coroutine.yield(struct{}{}) })
}

// joinDetached reports whether the call was detached. If so, it waits until
// resume has returned: the coroutine must not end before.
func (u *unaryCall) joinDetached() bool {
	if u.detached == nil {
		return false
	}
	<-u.detached
	return true
}

// takeCoroutine returns a coroutine that has waited, or a new one. It is among
// the busy ones. s.mu must be held.
func (s *Server) takeCoroutine() *coroutine {
	c := s.idle
	if c != nil {
		s.idle = c.next
		s.idling--
	} else {
		c = newCoroutine()
	}
	c.next = s.busy
	if c.next != nil {
		c.next.previous = c
	}
	s.busy = c
	return c
}

// releaseCoroutine takes c from the busy ones and lets it wait for another
// call, unless enough of them do. It returns whether c waits. s.mu must be held.
func (s *Server) releaseCoroutine(c *coroutine, wait bool) bool {
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		s.busy = c.next
	}
	if c.next != nil {
		c.next.previous = c.previous
	}
	c.call, c.previous, c.next = nil, nil, nil
	if !wait || c.broken || s.idling == s.workers.limit {
		return false
	}
	s.idle, c.next = c, s.idle
	s.idling++
	return true
}

// stopIdle ends the coroutines that wait.
func (s *Server) stopIdle() {
	s.mu.Lock()
	c := s.idle
	s.idle, s.idling = nil, 0
	s.mu.Unlock()
	for ; c != nil; c = c.next {
		c.stop()
	}
}
