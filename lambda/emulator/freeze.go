package emulator

import (
	"net"
	"syscall"
)

func (p *process) freeze() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return errEnded
	}
	p.freezeLocked()
	return nil
}

func (p *process) freezeLocked() {
	p.frozen = true
	p.signalGroup(syscall.SIGSTOP)
	if p.cfg.DropConnections {
		p.open.Range(func(conn, dropped any) bool {
			p.open.Delete(conn)
			close(dropped.(chan struct{}))
			_ = conn.(net.Conn).Close()
			return true
		})
	}
}

func (p *process) thaw() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawLocked()
	return nil
}

func (p *process) thawLocked() {
	if p.frozen {
		p.frozen = false
		p.signalGroup(syscall.SIGCONT)
	}
}

// freezeIdle freezes the process if Config.Freeze is set and the runtime and
// every extension wait for an event. p.mu is held.
func (p *process) freezeIdle() {
	if !p.cfg.Freeze || p.stopping || p.frozen || p.pending > 0 || p.stats.Ready.IsZero() {
		return
	}
	if p.waiting < p.cfg.Concurrency || len(p.inFlight) > 0 {
		return
	}
	for _, e := range p.extensions {
		if !e.waiting {
			return
		}
	}
	p.freezeLocked()
}
