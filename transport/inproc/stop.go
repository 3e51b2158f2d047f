package inproc

import (
	"maps"
	"slices"
)

// inFlight is a call as Close and Stop see it. Both methods end it with an error
// for the client; finish also tells its options, abort leaves that to the client.
type inFlight interface {
	abort(error)
	finish(error)
}

// begin admits a call of c. Close and Stop find it until forget, and GracefulStop
// waits for end.
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

// end is called once the handler of a call has returned.
func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.closeIfDrained()
}

// forget is called once the client of a call has finished it, which may be before
// or after the handler's return.
func (s *Server) forget(c *Conn, call inFlight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(c.inFlight, call)
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
// when the handler of every call in flight has returned. It may be called more
// than once and beside Stop, which shortens the wait.
func (s *Server) GracefulStop() {
	s.mu.Lock()
	s.drain()
	s.mu.Unlock()
	<-s.drained
}

// Stop refuses new calls and ends those in flight: their clients get
// Unavailable at once and their handlers' contexts are cancelled. It does not
// wait for handlers that take their time to notice; GracefulStop, called
// afterwards, does.
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

// closeConn marks c closed and returns its calls, which are to be ended. It
// returns false if c was closed before.
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
