package inproc

import (
	"runtime"
	"sync"
)

// workers runs streams on goroutines that wait for the next one when they are
// done. A goroutine that has served calls before has a stack of the right
// size; a fresh one copies its stack two or three times on the way through
// interceptors and handler, which costs as much as the rest of a short stream.
type workers struct {
	tasks chan task
	limit int // goroutines that may wait at a time

	mu      sync.Mutex
	waiting int
	stopped bool
	running sync.WaitGroup // these goroutines, and those that detach and end coroutines
}

func newWorkers() *workers {
	return &workers{
		tasks: make(chan task),
		limit: 4 * runtime.GOMAXPROCS(0),
	}
}

// run serves t on a goroutine that waits, or on a new one. It never blocks.
func (w *workers) run(t task) {
	select {
	case w.tasks <- t:
	default:
		w.running.Add(1)
		go w.work(t)
	}
}

func (w *workers) work(t task) {
	defer w.running.Done()
	t.serve()
	if !w.enter() {
		return
	}
	// A handler that calls runtime.Goexit gets here by way of the defers.
	defer w.leave()
	for t := range w.tasks {
		t.serve()
	}
}

// enter reports whether the caller may stay to wait for tasks.
func (w *workers) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.waiting == w.limit {
		return false
	}
	w.waiting++
	return true
}

func (w *workers) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting--
}

// stop ends the goroutines that wait and returns when all have ended. There
// must be no calls of run any more. The first time it also runs last.
func (w *workers) stop(last func()) {
	w.mu.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.tasks)
		w.running.Go(last)
	}
	w.mu.Unlock()
	w.running.Wait()
}
