package inproc

import (
	"context"
	"math"
	"time"
)

// patience is how long a unary call may run before the server begins to watch
// its client's context, give or take as much again. Few calls take that long,
// and watching a context costs about as much as copying a message.
const patience = 2 * time.Millisecond

// A watchman looks from time to time after the unary calls of a server. The
// server's mutex guards it.
type watchman struct {
	timer  *time.Timer
	awake  bool   // the timer runs
	called bool   // since the last round
	round  uint64 // the number of rounds made
}

// wake makes sure that calls are looked after.
func (w *watchman) wake(rounds func()) {
	w.called = true
	if w.awake {
		return
	}
	w.awake = true
	if w.timer == nil {
		w.timer = time.AfterFunc(patience, rounds)
	} else {
		w.timer.Reset(patience)
	}
}

// retire stops the rounds, when there are no calls any more.
func (w *watchman) retire() {
	w.called = false
	if w.timer != nil {
		w.timer.Stop()
	}
}

// lookAfterCalls watches the calls that were there a round ago already. It
// comes again as long as there are new ones.
func (s *Server) lookAfterCalls() {
	s.mu.Lock()
	var slow []*unaryCall
	for c := s.busy; c != nil; c = c.next {
		if c.round < s.watchman.round {
			slow = append(slow, c.call)
			c.round = math.MaxUint64 // once is enough
		}
	}
	s.watchman.round++
	s.watchman.awake = s.watchman.called
	s.watchman.called = false
	if s.watchman.awake {
		s.watchman.timer.Reset(patience)
	}
	s.mu.Unlock()
	for _, u := range slow {
		u.watch()
	}
}

// watch makes the client leave when its context ends.
func (u *unaryCall) watch() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || u.unwatch != nil {
		return
	}
	ctx := u.client
	u.unwatch = context.AfterFunc(ctx, func() { u.abort(contextError(ctx.Err())) })
}
