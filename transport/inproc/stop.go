package inproc

import (
	"maps"
	"slices"
)

// beginUnary admits a call of c and remembers it, so that abort finds it.
func (s *Server) beginUnary(c *Conn, u *unaryCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(c); err != nil {
		return err
	}
	s.active++
	u.coroutine = s.takeCoroutine()
	u.coroutine.call = u
	u.coroutine.round = s.watchman.round
	s.watchman.wake(s.lookAfterCalls)
	return nil
}

// endUnary takes back beginUnary, once the handler has returned.
func (s *Server) endUnary(u *unaryCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := u.coroutine
	s.notBusy(c)
	if u.detached == nil && c.resume != nil && !s.keepCoroutine(c) {
		s.workers.running.Go(c.stop) // the goroutine ends as the handler did
	}
	s.active--
	s.closeIfDrained()
}

// beginStream admits a stream. The connection remembers it until its client
// has finished it, which may be later than the handler's return.
func (s *Server) beginStream(cs *clientStream) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(cs.conn); err != nil {
		return err
	}
	s.active++
	cs.conn.streams[cs] = struct{}{}
	return nil
}

// endStream takes back beginStream's admission, once the handler has returned.
func (s *Server) endStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.closeIfDrained()
}

// forget is for streams that their client has finished.
func (s *Server) forget(cs *clientStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(cs.conn.streams, cs)
}

// refusal is why c can make no calls any more. s.mu must be held.
func (s *Server) refusal(c *Conn) error {
	switch {
	case c.closed:
		return errConnClosed
	case s.draining:
		return errStopping
	}
	return nil
}

// drain refuses calls from now on. s.mu must be held.
func (s *Server) drain() {
	if !s.draining {
		s.draining = true
		s.closeIfDrained()
	}
}

func (s *Server) closeIfDrained() {
	if s.draining && s.active == 0 {
		close(s.drained)
	}
}

// GracefulStop refuses new calls, which fail with Unavailable, and returns
// when the handler of every call in flight has returned. No goroutine of the
// server is left then. It may be called more than once and beside Stop, which
// shortens the wait.
func (s *Server) GracefulStop() {
	s.mu.Lock()
	s.drain()
	s.mu.Unlock()
	<-s.drained
	s.mu.Lock()
	s.watchman.retire()
	s.mu.Unlock()
	// The caller may be locked to a thread; the goroutine that runs stopIdle is not.
	s.workers.stop(s.stopIdle)
}

// Stop refuses new calls and ends those in flight: their clients get
// Unavailable at once and their handlers' contexts are cancelled. It does not
// wait for handlers that take their time to notice; GracefulStop, called
// afterwards, does.
func (s *Server) Stop() {
	s.mu.Lock()
	s.drain()
	var unary []*unaryCall
	for b := s.busy; b != nil; b = b.next {
		unary = append(unary, b.call)
	}
	var streams []*clientStream
	for c := range s.conns {
		streams = slices.AppendSeq(streams, maps.Keys(c.streams))
	}
	s.mu.Unlock()
	for _, u := range unary {
		u.abort(errStopped)
	}
	for _, cs := range streams {
		cs.abort(errStopped)
	}
}

// closeConn marks c closed and returns its calls, which are to be ended. It
// returns false if c was closed before.
func (s *Server) closeConn(c *Conn) (unary []*unaryCall, streams []*clientStream, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closed {
		return nil, nil, false
	}
	c.closed = true
	delete(s.conns, c)
	for b := s.busy; b != nil; b = b.next {
		if b.call.conn == c {
			unary = append(unary, b.call)
		}
	}
	return unary, slices.Collect(maps.Keys(c.streams)), true
}
