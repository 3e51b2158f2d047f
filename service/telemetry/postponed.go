package telemetry

import (
	"context"
	"sync"
)

// maxPostponed bounds the memory of a program that does not flush, or that serves
// many calls between two flushes.
const maxPostponed = 256

// postponed is the work of requests and calls that have ended: it ends their spans
// and records their metrics. If the program flushes after each response, a flush
// does the work, so that the response does not wait for it.
type postponed struct {
	report *reporter

	mu   sync.Mutex
	room int // 0: do all work at once
	work []func()
	done int // how much of work has been done
}

// do calls f in the next run, or at once if there is no room.
func (p *postponed) do(f func()) {
	p.mu.Lock()
	later := len(p.work) < p.room
	if later {
		p.work = append(p.work, f)
	}
	p.mu.Unlock()
	if !later {
		f()
	}
}

// run does the postponed work until ctx ends, since a provider that the program
// built may export each span as it ends. It reports a panic of such a provider.
func (p *postponed) run(ctx context.Context) {
	for ctx.Err() == nil {
		f := p.next()
		if f == nil {
			return
		}
		p.report.failed("spans", recovered(ctx, func(context.Context) error {
			f()
			return nil
		}))
	}
}

func (p *postponed) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == len(p.work) {
		p.work, p.done = p.work[:0], 0
		return nil
	}
	f := p.work[p.done]
	p.work[p.done] = nil
	p.done++
	return f
}

// close does the postponed work as run does. What follows is done at once.
func (p *postponed) close(ctx context.Context) {
	p.mu.Lock()
	p.room = 0
	p.mu.Unlock()
	p.run(ctx)
}
