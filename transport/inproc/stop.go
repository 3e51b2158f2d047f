package inproc

import (
	"maps"
	"slices"
)

// inFlight is a call that Close and Stop can end. Both methods end it with an
// error for the client. finish also completes the call options; abort leaves
// that to the client.
type inFlight interface {
	abort(error)
	finish(error)
}

// begin admits a call of c. Close and Stop can end it until forget is called, and
// GracefulStop waits for it until end is called.
func (s *Server) begin(c *Conn, call inFlight) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(c); err != nil {
		return err
	}
	s.active++
	c.inFlight[call] = struct{}{}
	return nil
}

// end records that the handler of a call has returned.
func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.closeIfDrained()
}

// forget removes a call that its client has finished, before or after the
// handler's return.
func (s *Server) forget(c *Conn, call inFlight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(c.inFlight, call)
}

// refusal returns the error for new calls of c, or nil. s.mu must be held.
func (s *Server) refusal(c *Conn) error {
	switch {
	case c.closed:
		return errConnClosed
	case s.draining:
		return errStopping
	}
	return nil
}

// drain makes the server refuse new calls. s.mu must be held.
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

// GracefulStop refuses new calls, which fail with Unavailable, and waits
// until the handlers of all calls in flight have returned. It may be called
// several times, and concurrently with Stop, which shortens the wait.
func (s *Server) GracefulStop() {
	s.mu.Lock()
	s.drain()
	s.mu.Unlock()
	<-s.drained
}

// Stop refuses new calls and ends those in flight. Their clients get
// Unavailable at once and their handlers' contexts are cancelled. Stop does
// not wait for the handlers; a GracefulStop afterwards does.
func (s *Server) Stop() {
	s.mu.Lock()
	s.drain()
	var calls []inFlight
	for c := range s.conns {
		calls = slices.AppendSeq(calls, maps.Keys(c.inFlight))
	}
	s.mu.Unlock()
	for _, call := range calls {
		call.abort(errStopped)
	}
}

// closeConn marks c closed and returns its calls, which the caller must end.
// ok is false if c was already closed.
func (s *Server) closeConn(c *Conn) (calls []inFlight, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closed {
		return nil, false
	}
	c.closed = true
	delete(s.conns, c)
	return slices.Collect(maps.Keys(c.inFlight)), true
}
