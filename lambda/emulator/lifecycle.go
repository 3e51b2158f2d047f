package emulator

import (
	"errors"
	"time"
)

// beginNext records that the runtime asked for an event. The call completes the
// previous invocation and the runtime's part of init. beginNext returns false if
// the previous invocation has no response yet.
func (p *process) beginNext() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latest != nil {
		if !p.latest.finished && !p.stopping {
			return false
		}
		p.latest.timer.Stop()
		p.latest = nil
	}
	if p.stats.FirstNext.IsZero() {
		p.stats.FirstNext = time.Now()
	}
	p.waiting++
	p.completeInit()
	p.freezeIdle()
	return true
}

// cancelNext records that a call for an event ends without an invocation.
func (p *process) cancelNext() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
}

// completeInit ends init once the runtime and every extension have asked for an
// event. p.mu is held.
func (p *process) completeInit() {
	if !p.stats.Ready.IsZero() || p.stats.FirstNext.IsZero() || p.stopping {
		return
	}
	for _, e := range p.extensions {
		if !e.ready {
			return
		}
	}
	p.stats.Ready = time.Now()
	p.initTimer.Stop()
	p.logger.Debug("function ready", "pid", p.stats.Pid, "init", p.stats.Ready.Sub(p.stats.Exec))
	close(p.ready)
}

func (p *process) initTimedOut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stats.Ready.IsZero() {
		return
	}
	p.stopLocked(failure("", "Sandbox.Timedout",
		"Init timed out after "+p.cfg.InitTimeout.String(), ErrInit, ErrTimeout), true)
}

// initFailed keeps the runtime's own report that init failed and ends the
// process, as Lambda does.
func (p *process) initFailed(report []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.initReport = report
	p.stopLocked(nil, false)
}

// take assigns inv to a waiting call for an event and starts its deadline. It
// returns false if the process is stopping or the call's connection was dropped;
// inv is then retried.
func (p *process) take(inv *invocation, dropped <-chan struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.pending--
	if p.stopping || closed(dropped) {
		inv.finish(result{retry: true})
		return false
	}
	inv.deadline = time.Now().Add(p.cfg.Timeout)
	inv.timer = time.AfterFunc(p.cfg.Timeout, func() { p.expire(inv) })
	p.inFlight[inv.id] = inv
	if p.cfg.Concurrency == 1 {
		p.latest = inv
	}
	for _, e := range p.extensions {
		e.announce(p.cfg, inv)
	}
	p.logger.Debug("invocation started", "requestId", inv.id, "pid", p.stats.Pid)
	return true
}

// expire fails an invocation at its deadline. At concurrency 1 it also ends the
// process, even if the process has responded but not asked for the next event. At
// a higher concurrency the process continues to serve the other invocations
// (Lambda Managed Instances, "Error handling and recovery").
func (p *process) expire(inv *invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg.Concurrency == 1 && p.latest != inv {
		return
	}
	if !inv.finished {
		p.logger.Warn("invocation timed out", "requestId", inv.id, "pid", p.stats.Pid, "timeout", p.cfg.Timeout)
		inv.finish(result{err: timeoutError(inv.id, p.cfg.Timeout)})
	}
	if p.cfg.Concurrency == 1 {
		p.stopLocked(ErrTimeout, true)
	}
}

// claim returns the invocation that the function responds to. It returns nil if
// the ID is unknown or the invocation already has a response.
func (p *process) claim(id string) *invocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	inv := p.inFlight[id]
	if inv == nil || inv.responding {
		return nil
	}
	inv.responding = true
	return inv
}

// complete ends an invocation with its response or error.
func (p *process) complete(inv *invocation, r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inFlight, inv.id)
	if p.cfg.Concurrency > 1 {
		inv.timer.Stop()
	}
	if r.err != nil {
		p.logger.Warn("invocation failed", "requestId", inv.id, "pid", p.stats.Pid, "error", r.err)
	}
	inv.finish(r)
}

// interrupted records that the function did not finish its response. If the
// process died, its exit status decides the error. Otherwise the function may
// respond again until its deadline.
func (p *process) interrupted(inv *invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ending:
		delete(p.inFlight, inv.id)
		inv.finish(result{err: p.exitErrorLocked(inv.id)})
	default:
		inv.responding = false // exited or expire will finish it
	}
}

// initError returns the error of a process that ended before init was done.
func (p *process) initError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.initReport != nil {
		return reported("", p.initReport, ErrInit)
	}
	if p.cause != nil {
		return p.cause
	}
	return exitError("", p.stats.State, ErrInit)
}

func (p *process) exitError(requestID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exitErrorLocked(requestID)
}

func (p *process) exitErrorLocked(requestID string) error {
	if errors.Is(p.cause, ErrClosed) {
		return ErrClosed
	}
	return exitError(requestID, p.stats.State)
}
