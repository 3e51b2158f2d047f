package emulator

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// errEnded says that a process stopped before it could take an invocation.
var errEnded = errors.New("emulator: process has ended")

// drainTimeout bounds the wait for data that a dead process left in pipes and
// sockets.
const drainTimeout = 200 * time.Millisecond

// process is one process of the function: the child, its own Runtime API server,
// and the invocations that it has taken.
type process struct {
	cfg    Config
	logger *slog.Logger
	cmd    *exec.Cmd

	listener net.Listener
	server   *http.Server
	served   chan struct{}  // closed when it accepts no more connections
	conns    sync.WaitGroup // connections to the Runtime API
	open     sync.Map       // net.Conn to a chan struct{} that is closed when the connection is dropped
	tasks    sync.WaitGroup // copying output

	queue  chan *invocation // from offer to a waiting call for an event
	ready  chan struct{}    // closed when init is done
	ending chan struct{}    // closed when the child has been reaped, or was never started
	done   chan struct{}    // closed when all its goroutines and connections have ended

	mu         sync.Mutex
	stats      Process
	inFlight   map[string]*invocation
	latest     *invocation // taken last, until the next event is asked for; at concurrency 1
	extensions map[string]*extension
	initTimer  *time.Timer
	killTimer  *time.Timer
	initReport []byte // the init error that the runtime posted
	waiting    int    // blocked calls for an event
	pending    int    // invocations in offer
	frozen     bool
	stopping   bool
	cause      error // why the emulator stops it; nil if it ended by itself
}

// startProcess executes the function and serves its Runtime API. The mutex
// output guards the writers of cfg.
func startProcess(cfg Config, output *sync.Mutex) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{
		cfg:        cfg,
		logger:     cfg.Logger,
		listener:   listener,
		served:     make(chan struct{}),
		queue:      make(chan *invocation),
		ready:      make(chan struct{}),
		ending:     make(chan struct{}),
		done:       make(chan struct{}),
		inFlight:   make(map[string]*invocation),
		extensions: make(map[string]*extension),
	}
	p.cmd = &exec.Cmd{
		Path:        cfg.Path,
		Args:        []string{cfg.Path},
		Env:         cfg.environ(listener.Addr().String(), time.Now()),
		Dir:         filepath.Dir(cfg.Path),
		SysProcAttr: childAttributes(),
	}
	pipes, err := p.connectOutput(output)
	if err != nil {
		_ = listener.Close() // nothing has used it
		return nil, err
	}
	p.serve()
	p.mu.Lock() // the child may ask for an event before its pid is known here
	err = p.execute(pipes)
	if err != nil {
		p.mu.Unlock()
		close(p.ending)
		_ = p.server.Close() // there are no connections yet
		<-p.served
		p.tasks.Wait()
		return nil, err
	}
	p.initTimer = time.AfterFunc(cfg.InitTimeout, p.initTimedOut)
	p.mu.Unlock()
	p.logger.Debug("function started", "pid", p.stats.Pid, "path", cfg.Path)
	return p, nil
}

// execute starts the child and a goroutine that waits for its end. On Linux the
// child is killed when the thread that started it ends (childAttributes), so the
// goroutine stays locked to its thread. p.mu is held.
func (p *process) execute(pipes []*os.File) error {
	started := make(chan error)
	p.stats.Exec = time.Now()
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		for _, pipe := range pipes {
			_ = pipe.Close() // the child has a copy
		}
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // ProcessState has the exit status
		p.exited()
	}()
	if err := <-started; err != nil {
		return err
	}
	p.stats.Pid = p.cmd.Process.Pid
	return nil
}

// exited runs when the child has been reaped. It kills the child's own children,
// fails the invocations without a response and waits for every goroutine.
func (p *process) exited() {
	p.signalGroup(syscall.SIGKILL)
	p.mu.Lock()
	p.stopping = true
	p.initTimer.Stop()
	if p.killTimer != nil {
		p.killTimer.Stop()
	}
	p.stats.Exited = time.Now()
	p.stats.State = p.cmd.ProcessState
	if peak := peakOf(p.stats.State); peak > 0 {
		p.stats.PeakMemory = peak
	}
	close(p.ending)
	for _, inv := range p.inFlight {
		inv.timer.Stop()
	}
	p.mu.Unlock()

	_ = p.listener.Close()
	<-p.served // no more connections are accepted
	p.drain()
	p.failRest()
	_ = p.server.Close()
	p.tasks.Wait()
	p.logger.Debug("function exited", "pid", p.stats.Pid, "state", p.stats.State.String())
	close(p.done)
}

// drain reads what the dead child had already sent, so that it still counts. It
// waits at most drainTimeout, since a stream's reader may have stopped reading.
func (p *process) drain() {
	drained := make(chan struct{})
	go func() {
		p.conns.Wait()
		close(drained)
	}()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-drained:
		return
	case <-timer.C:
	}
	p.failRest()
	_ = p.server.Close()
	<-drained
}

// failRest fails every invocation without a result.
func (p *process) failRest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, inv := range p.inFlight {
		inv.finish(result{err: p.exitErrorLocked(inv.id)})
	}
}

// stop ends the process because of cause, unless it is stopping already. A
// graceful stop gives a function with an extension time to react to SIGTERM.
// stop does not wait for the end.
func (p *process) stop(cause error, graceful bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopLocked(cause, graceful)
}

func (p *process) stopLocked(cause error, graceful bool) {
	if p.reaped() {
		return
	}
	if !p.stopping {
		p.stopping = true
		p.cause = cause
		if graceful && len(p.extensions) > 0 {
			p.killTimer = time.AfterFunc(p.cfg.ShutdownGrace, p.kill)
			p.stats.PeakMemory = peakNow(p.stats.Pid)
			p.thawLocked()
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if the child has ended
			return
		}
	} else if graceful {
		return
	}
	p.killLocked()
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killLocked()
}

func (p *process) killLocked() {
	if p.reaped() {
		return
	}
	p.stats.PeakMemory = max(p.stats.PeakMemory, peakNow(p.stats.Pid))
	p.signalGroup(syscall.SIGKILL)
}

// signalGroup signals the child and its children. An error means that all have
// ended.
func (p *process) signalGroup(signal syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, signal)
}

// reaped reports whether the child has ended.
func (p *process) reaped() bool { return closed(p.ending) }

// ended reports whether the child and all its goroutines and connections have
// ended.
func (p *process) ended() bool { return closed(p.done) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (p *process) isStopping() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopping
}

func (p *process) snapshot() Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// offer passes inv to the function when it asks for an event. It fails with
// errEnded if the process stops first, or with the cause of ctx.
func (p *process) offer(ctx context.Context, inv *invocation) error {
	p.mu.Lock()
	p.pending++
	p.thawLocked()
	p.mu.Unlock()
	var err error
	select {
	case p.queue <- inv:
		return nil // take has decremented pending
	case <-p.ending:
		err = errEnded
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	p.freezeIdle()
	return err
}
