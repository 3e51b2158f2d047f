package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// A Function is a function binary in its execution environment: a process and a
// temporary directory that outlives it. If the process has ended, the next
// invocation starts it again. A Function is safe for concurrent use.
type Function struct {
	cfg      Config
	ownsTemp bool
	output   sync.Mutex // over Stdout and Stderr

	detach func() bool // stops watching the context
	closed sync.Once
	err    error // of removing the directory, set by closed

	mu       sync.Mutex
	closing  bool
	current  *process
	previous []Process
}

// Start starts the function and returns once its init is done. When ctx ends, at
// any later time, the process is killed and invocations fail with [ErrClosed],
// as after [Function.Close].
//
// If init fails, Start returns an error that matches [ErrInit] and leaves nothing
// running. Lambda would repeat the init with the first invocation. A Function
// does so only for later restarts.
func Start(ctx context.Context, cfg Config) (*Function, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Function{cfg: cfg}
	if f.cfg.TempDir, f.ownsTemp, err = cfg.openTempDir(); err != nil {
		return nil, fmt.Errorf("emulator: making temporary directory: %w", err)
	}
	f.detach = context.AfterFunc(ctx, func() { f.close(false) })
	if _, err := f.running(ctx); err != nil {
		f.close(false)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return f, nil
}

// Invoke runs the function on an event and waits for the whole response.
// Invocations beyond [Config.Concurrency] wait for their turn; Lambda would
// start another environment for them.
//
// The error is a [FunctionError] if the function failed. Other errors match one
// of this package's sentinels. If ctx ends first, Invoke returns its cause, and
// the function continues to handle the event, as it does on Lambda.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Response, error) {
	return f.Do(ctx, Request{Payload: payload})
}

// Do is like [Function.Invoke] for an event with its trace ID, tenant or client
// context.
func (f *Function) Do(ctx context.Context, r Request) (Response, error) {
	res := f.invoke(ctx, r, false)
	return res.response, res.err
}

// Stream runs the function on an event as InvokeWithResponseStream does. It
// returns when the response begins or, with [StreamContentType], when its prelude
// is complete. The caller closes the stream's Body. Errors are those of
// [Function.Invoke]; a later error is returned by reading the Body.
func (f *Function) Stream(ctx context.Context, r Request) (*Stream, error) {
	res := f.invoke(ctx, r, true)
	if res.err != nil {
		return nil, res.err
	}
	return splitPrelude(ctx, res.stream)
}

// restarts bounds how many processes one invocation tries if they stop before
// they take the event.
const restarts = 3

func (f *Function) invoke(ctx context.Context, r Request, streaming bool) result {
	if len(r.Payload) > MaxRequestBytes {
		return result{err: ErrRequestTooLarge}
	}
	var last *process
	for range restarts {
		p, err := f.running(ctx)
		if err != nil {
			return result{err: err}
		}
		inv := newInvocation(r, streaming)
		if err := p.offer(ctx, inv); errors.Is(err, errEnded) {
			last = p
			continue
		} else if err != nil {
			return result{err: err}
		}
		if res := inv.wait(ctx); !res.retry {
			return res
		}
		last = p
	}
	return result{err: last.exitError("")}
}

// running returns a process whose init is done. It starts one if necessary.
func (f *Function) running(ctx context.Context) (*process, error) {
	p, err := f.process(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.ready:
		return p, nil
	default:
	}
	select {
	case <-p.ready:
		return p, nil
	case <-p.done:
		return nil, p.initError()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// process returns the current process, or starts one if there is none. It waits
// for the end of a process that is stopping.
func (f *Function) process(ctx context.Context) (*process, error) {
	for {
		f.mu.Lock()
		if f.closing {
			f.mu.Unlock()
			return nil, ErrClosed
		}
		p := f.current
		if p == nil || p.ended() {
			p, err := f.spawn()
			f.mu.Unlock()
			return p, err
		}
		f.mu.Unlock()
		if !p.isStopping() {
			return p, nil
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// spawn starts a process and makes it the current one. f.mu is held.
func (f *Function) spawn() (*process, error) {
	if f.current != nil {
		f.previous = append(f.previous, f.current.snapshot())
		f.current = nil
	}
	p, err := startProcess(f.cfg, &f.output)
	if err != nil {
		return nil, fmt.Errorf("%w: starting %s: %w", ErrInit, f.cfg.Path, err)
	}
	f.current = p
	return p, nil
}

// live returns the running process. It fails with ErrExited if there is none.
func (f *Function) live() (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil || f.current.ended() {
		return nil, fmt.Errorf("%w: no process is running", ErrExited)
	}
	return f.current, nil
}

// Pause stops the process and its children with SIGSTOP, as the freeze between
// invocations does. The next invocation continues them. Deadlines are not
// extended. Pause fails with [ErrExited] if no process is running.
func (f *Function) Pause() error {
	p, err := f.live()
	if err != nil {
		return err
	}
	return p.freeze()
}

// Resume continues a paused process. It fails with [ErrExited] if no process is
// running.
func (f *Function) Resume() error {
	p, err := f.live()
	if err != nil {
		return err
	}
	return p.thaw()
}

// Kill kills the process with SIGKILL, as the kernel does when memory runs out,
// and waits until it has ended. Invocations in flight fail with [ErrExited]. The
// next invocation starts the function again, with its temporary directory
// unchanged. If no process is running, Kill does nothing.
func (f *Function) Kill() {
	p, err := f.live()
	if err != nil {
		return
	}
	p.kill()
	<-p.done
}

// Pid returns the ID of the latest process, which may have ended, or 0 if none
// was ever started. Its process group has the same ID.
func (f *Function) Pid() int {
	processes := f.Processes()
	if len(processes) == 0 {
		return 0
	}
	return processes[len(processes)-1].Pid
}

// Config returns the configuration with all defaults filled in, and with the
// function's temporary directory.
func (f *Function) Config() Config { return f.cfg }

// Processes describes every process of the function, the latest one last.
func (f *Function) Processes() []Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	processes := append([]Process(nil), f.previous...)
	if f.current != nil {
		processes = append(processes, f.current.snapshot())
	}
	return processes
}

// Close ends the environment as Lambda does. A process that registered an
// extension gets SIGTERM and [Config.ShutdownGrace] to end. Any other process
// gets SIGKILL at once. Invocations in flight and later ones fail with
// [ErrClosed].
//
// Close returns when the process, its children and every goroutine of the
// emulator have ended. It removes the temporary directory if the emulator made
// it; its only error is a failure to do so. Later calls return the same error.
func (f *Function) Close() error {
	f.close(true)
	return f.err
}

func (f *Function) close(graceful bool) {
	f.mu.Lock()
	f.closing = true
	p := f.current
	f.mu.Unlock()
	if p != nil {
		p.stop(ErrClosed, graceful)
	}
	f.closed.Do(func() {
		f.detach()
		if p != nil {
			<-p.done
		}
		if f.ownsTemp {
			f.err = os.RemoveAll(f.cfg.TempDir)
		}
	})
}

// A Process describes one process of a [Function]. The time of an event that has
// not happened is zero.
type Process struct {
	Pid int
	// Exec is the time just before the binary was executed.
	Exec time.Time
	// FirstNext is when the runtime first asked for an event.
	FirstNext time.Time
	// Ready is when init ended: at FirstNext, or later if an extension was not
	// ready by then.
	Ready time.Time
	// Exited is when the process ended.
	Exited time.Time
	// State says how the process ended. It is nil while the process runs.
	State *os.ProcessState
	// PeakMemory is the largest resident set of an ended process in bytes. On
	// Linux, the emulator reads it (VmHWM) just before it ends the process. It
	// is 0 there for a process that ended by itself: ru_maxrss cannot replace it,
	// since it includes what the emulator had resident when it started the
	// process.
	PeakMemory int64
}
