package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// A Function is a function binary in its execution environment: a process,
// which is started again when an invocation finds it gone, and a temporary
// directory that outlives it. It is safe for concurrent use.
type Function struct {
	cfg      Config
	tempDir  string
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

// Start starts the function and returns once its init is done. ctx bounds the
// function's whole life: when it ends, the process is killed and invocations
// fail with [ErrClosed], as after [Function.Close].
//
// An init that fails is an error that matches [ErrInit], and leaves nothing
// running. Lambda would try a second time with the first invocation; so does a
// Function whose later restart fails.
func Start(ctx context.Context, cfg Config) (*Function, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Function{cfg: cfg}
	if f.tempDir, f.ownsTemp, err = cfg.openTempDir(); err != nil {
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

// Invoke runs the function on an event and waits for its whole answer.
// Invocations beyond [Config.Concurrency] wait for their turn: an environment
// does not scale out, where Lambda would start another one.
//
// The error is a [FunctionError] when the function failed; see the sentinels
// of this package for the rest. When ctx ends first, its cause is returned and
// the function goes on with the event, as it does when a caller hangs up.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Response, error) {
	return f.Do(ctx, Request{Payload: payload})
}

// Do is [Function.Invoke] with all that can go with an event.
func (f *Function) Do(ctx context.Context, r Request) (Response, error) {
	res := f.invoke(ctx, r, false)
	return res.response, res.err
}

// Stream runs the function on an event as InvokeWithResponseStream does, and
// returns when its answer begins: with [StreamContentType], once the prelude
// is complete. The caller closes the stream's Body. Errors are those of
// [Function.Invoke]; one in mid-stream comes from reading the Body.
func (f *Function) Stream(ctx context.Context, r Request) (*Stream, error) {
	res := f.invoke(ctx, r, true)
	if res.err != nil {
		return nil, res.err
	}
	return splitPrelude(ctx, res.stream)
}

// restarts bounds how often one invocation starts a process anew that stops
// before it takes the event.
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
		if err := p.offer(ctx, inv); errors.Is(err, errGone) {
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

// running returns a process whose init is done, and starts one if need be.
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

// process returns the process that lives, after waiting for one that is about
// to end, or a new one.
func (f *Function) process(ctx context.Context) (*process, error) {
	for {
		f.mu.Lock()
		if f.closing {
			f.mu.Unlock()
			return nil, ErrClosed
		}
		p := f.current
		if p == nil || p.gone() {
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

// spawn starts a process in the place of one that is gone. f.mu is held.
func (f *Function) spawn() (*process, error) {
	if f.current != nil {
		f.previous = append(f.previous, f.current.snapshot())
		f.current = nil
	}
	p, err := startProcess(f.cfg, f.tempDir, &f.output)
	if err != nil {
		return nil, fmt.Errorf("%w: starting %s: %w", ErrInit, f.cfg.Path, err)
	}
	f.current = p
	return p, nil
}

// live returns the process if there is one that runs.
func (f *Function) live() (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil || f.current.gone() {
		return nil, fmt.Errorf("%w: no process is running", ErrExited)
	}
	return f.current, nil
}

// Pause stops the process and its children where they are, as the freeze
// between invocations does; the next invocation continues them. Deadlines run
// on. It fails with [ErrExited] when no process is running.
func (f *Function) Pause() error {
	p, err := f.live()
	if err != nil {
		return err
	}
	return p.freeze()
}

// Resume continues a paused process. It fails with [ErrExited] when no process
// is running.
func (f *Function) Resume() error {
	p, err := f.live()
	if err != nil {
		return err
	}
	return p.thaw()
}

// Kill kills the process with SIGKILL, as the kernel does one that is out of
// memory, and waits until it is gone. Invocations in flight fail with
// [ErrExited]; the next one starts the function again with its temporary
// directory as it was left. Without a process it does nothing.
func (f *Function) Kill() {
	p, err := f.live()
	if err != nil {
		return
	}
	p.kill()
	<-p.done
}

// Pid is the id of the process, also after it has ended; 0 if none was ever
// started. Its process group has the same id.
func (f *Function) Pid() int {
	processes := f.Processes()
	if len(processes) == 0 {
		return 0
	}
	return processes[len(processes)-1].Pid
}

// Config is the configuration, with its defaults filled in.
func (f *Function) Config() Config { return f.cfg }

// TempDir is the directory that stands for /tmp.
func (f *Function) TempDir() string { return f.tempDir }

// Processes tells of every process that the function had, the latest one last.
func (f *Function) Processes() []Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	processes := append([]Process(nil), f.previous...)
	if f.current != nil {
		processes = append(processes, f.current.snapshot())
	}
	return processes
}

// Close ends the environment as Lambda does: a process that registered an
// extension gets SIGTERM and [Config.ShutdownGrace] to end, any other one
// SIGKILL at once. Invocations in flight and later ones fail with [ErrClosed].
// It returns when the process, its children and every goroutine of the
// emulator are gone, and removes the temporary directory if the emulator made
// it; failing to do so is the only error. Later calls return the same.
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
			f.err = os.RemoveAll(f.tempDir)
		}
	})
}

// A Process tells of one life of the function's process. Times that have not
// come are zero.
type Process struct {
	Pid int
	// Exec is the time just before the binary was executed.
	Exec time.Time
	// FirstNext is when the runtime first asked for an event.
	FirstNext time.Time
	// Ready is when init was done: FirstNext, or later for an extension.
	Ready time.Time
	// Exited is when the process was gone.
	Exited time.Time
	// State is how it ended; nil while it runs.
	State *os.ProcessState
	// PeakMemory is the largest resident set in bytes, once the process has
	// exited. On Linux it is read when the emulator ends the process (VmHWM),
	// and 0 for one that ended by itself: the ru_maxrss of State is no
	// substitute, since Linux never reports less than the emulator itself had
	// resident when it started the process.
	PeakMemory int64
}
