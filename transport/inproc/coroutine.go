package inproc

import (
	"bytes"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
)

// A coroutine runs the handlers of unary calls, one after the other, in turns
// with their clients: one of the two runs. To change over costs a twentieth of
// waking a goroutine, and the stack has grown to its size in earlier calls.
//
// A client that waits in resume cannot leave by itself when its context ends.
// For that there is detach. docs/decisions/coroutines.md has the reasons.
type coroutine struct {
	resume func() (struct{}, bool) // runs call until its handler has returned, or detach; nil: it runs apart
	stop   func()                  // ends the coroutine
	yield  func(struct{}) bool     // returns from resume

	// Used by whichever of the two runs.
	broken            bool // a handler ended its goroutine: only stop may follow
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
		for c.serve(c.call) && yield(struct{}{}) {
		}
	})
	return c
}

// serve runs a call. It returns false when its client was detached: then the
// coroutine ends.
func (c *coroutine) serve(u *unaryCall) bool {
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil {
			crash(p)
		}
		// This is runtime.Goexit, which iter.Pull would go on with in the client.
		// What is deferred here happens also if a stats handler calls it again.
		defer func() {
			if !u.joinDetached() {
				c.broken = true
				c.yield(struct{}{})
			}
		}()
		u.gone()
	}()
	u.serve()
	returned = true
	return !u.joinDetached()
}

// gone ends a call whose handler has ended its goroutine.
func (u *unaryCall) gone() {
	defer u.conclude(payload{}, false, errGone)
	defer func() {
		if p := recover(); p != nil {
			crash(p)
		}
	}()
	u.reportCompletion(nil, 0, errGone)
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
// the coroutine has a goroutine of its own, and it ends with the call. When the
// call is not being served yet, or no more, detach does nothing: then resume
// returns soon, or has returned.
func (u *unaryCall) detach() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.serving || u.detached != nil {
		return
	}
	u.detached = make(chan struct{})
	// Package iter does not say who may call yield. Its implementation, as of Go
	// 1.26, asks only that resume has been called and yield has not since, which
	// serving and detached ensure. For it, this is a sequence whose value is
	// yielded by a helper, and which ends while the helper waits to be asked for
	// the next one.
	u.conn.server.workers.running.Go(func() { u.coroutine.yield(struct{}{}) })
}

// joinDetached reports whether the client was detached. If so, it waits until
// resume has returned: the coroutine must not end before.
func (u *unaryCall) joinDetached() bool {
	if u.detached == nil {
		return false
	}
	<-u.detached
	return true
}

// apart is a call whose handler runs on a goroutine while its client waits.
type apart struct{ *unaryCall }

func (a apart) serve() {
	returned := false
	defer func() {
		if !returned { // runtime.Goexit, or a panic that ends the process anyway
			a.gone()
		}
	}()
	a.unaryCall.serve()
	returned = true
}

// run serves the call, and returns when its handler has returned or the client
// has to leave.
func (u *unaryCall) run() {
	if c := u.coroutine; c.resume != nil {
		c.resume()
		return
	}
	if !u.separate() {
		return
	}
	u.watch()
	u.conn.server.workers.run(apart{u})
	<-u.finished
}

// separate makes a call one that runs apart, and so is detached from the
// beginning. It returns false when the client has left already.
func (u *unaryCall) separate() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over {
		return false
	}
	u.detached = make(chan struct{})
	u.finished = make(chan struct{})
	return true
}

// lockedToThread reports whether the calling goroutine is locked to its thread,
// as after runtime.LockOSThread and during the initialisation of packages.
// Go's runtime ends a process in which such a goroutine resumes a coroutine that
// it has not made itself. Asking takes several microseconds.
func lockedToThread() bool {
	var header [80]byte // "goroutine 18 [running, locked to thread]:"
	n := runtime.Stack(header[:], false)
	line, _, _ := bytes.Cut(header[:n], []byte{'\n'})
	return bytes.Contains(line, []byte("locked to thread"))
}

// takeCoroutine returns a coroutine that has waited, or a new one. It is among
// the busy ones. One without resume is for a call that is to run apart: that of
// a client which is locked to its thread, and the first call of a server, which
// is not to take as long as finding that out. s.mu must be held.
func (s *Server) takeCoroutine() *coroutine {
	c := s.idle
	switch {
	case c != nil:
		s.idle = c.next
		s.idling--
	case !s.called || lockedToThread():
		s.called = true
		c = new(coroutine)
	default:
		c = newCoroutine()
	}
	c.next = s.busy
	if c.next != nil {
		c.next.previous = c
	}
	s.busy = c
	return c
}

// notBusy takes c from the busy ones. s.mu must be held.
func (s *Server) notBusy(c *coroutine) {
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		s.busy = c.next
	}
	if c.next != nil {
		c.next.previous = c.previous
	}
	c.call, c.previous, c.next = nil, nil, nil
}

// keepCoroutine lets c wait for another call. It returns false when it cannot,
// or when enough of them wait: then the caller stops it. s.mu must be held.
func (s *Server) keepCoroutine(c *coroutine) bool {
	if c.broken || s.idling == s.workers.limit {
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
