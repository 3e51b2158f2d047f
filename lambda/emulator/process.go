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

// errGone says that a process stopped before it could take an invocation.
var errGone = errors.New("emulator: process is gone")

// lingering bounds the wait for what a dead process has left in pipes and
// sockets that nobody drains.
const lingering = 200 * time.Millisecond

// process is one life of the function: the child, the Runtime API that only it
// knows the address of, and the invocations it has taken.
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

	queue  chan *invocation // from offer to a waiting call of next
	ready  chan struct{}    // closed when init is done
	ending chan struct{}    // closed when the child has been reaped, or was never started
	done   chan struct{}    // closed when nothing of it is left

	mu         sync.Mutex
	stats      Process
	inFlight   map[string]*invocation
	latest     *invocation // taken last, until next is called again; at concurrency 1
	extensions map[string]*extension
	initTimer  *time.Timer
	killTimer  *time.Timer
	initReport []byte // what the runtime posted as its init error
	waiting    int    // calls of next that block
	pending    int    // invocations on offer
	frozen     bool
	stopping   bool
	cause      error // why the emulator stops it; nil when it ended by itself
}

// startProcess executes the function and serves its Runtime API. Output goes
// to the writers of cfg, one write at a time under the mutex output.
func startProcess(cfg Config, tempDir string, output *sync.Mutex) (*process, error) {
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
		Env:         cfg.environ(listener.Addr().String(), tempDir, time.Now()),
		Dir:         filepath.Dir(cfg.Path),
		SysProcAttr: childAttributes(),
	}
	pipes, err := p.connectOutput(output)
	if err != nil {
		_ = listener.Close() // nothing has used it
		return nil, err
	}
	p.serve()
	p.mu.Lock() // next may be called before the child's pid is known here
	err = p.execute(pipes)
	if err != nil {
		p.mu.Unlock()
		close(p.ending)
		_ = p.server.Close() // no connection to lose
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
// child is killed when the thread that started it ends (childAttributes), so
// that goroutine keeps one thread to itself. p.mu is held.
func (p *process) execute(pipes []*os.File) error {
	started := make(chan error)
	p.stats.Exec = time.Now()
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		for _, pipe := range pipes {
			_ = pipe.Close() // the child has its own
		}
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // how it ended is in ProcessState
		p.exited()
	}()
	if err := <-started; err != nil {
		return err
	}
	p.stats.Pid = p.cmd.Process.Pid
	return nil
}

// exited runs when the child has been reaped: it ends what the child left,
// fails the invocations that it owed an answer and joins every goroutine.
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
	<-p.served // no connection is added any more
	p.drain()
	p.failRest()
	_ = p.server.Close()
	p.tasks.Wait()
	p.logger.Debug("function exited", "pid", p.stats.Pid, "state", p.stats.State.String())
	close(p.done)
}

// drain waits for the connections of the dead child to run dry, so that what it
// had posted still counts. It does not wait for a reader that does not read.
func (p *process) drain() {
	drained := make(chan struct{})
	go func() {
		p.conns.Wait()
		close(drained)
	}()
	timer := time.NewTimer(lingering)
	defer timer.Stop()
	select {
	case <-drained:
		return
	case <-timer.C:
	}
	p.failRest()
	_ = p.server.Close() // the connections are of no use
	<-drained
}

// failRest fails every invocation that has no result.
func (p *process) failRest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, inv := range p.inFlight {
		inv.finish(result{err: p.exitErrorLocked(inv.id)})
	}
}

// stop ends the process for the reason cause, if it is not already ending. A
// graceful stop gives a function with an extension the time to react to
// SIGTERM. It does not wait.
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
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
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

// signalGroup signals the child and its children. An error means that none is
// left.
func (p *process) signalGroup(signal syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, signal)
}

// reaped reports whether the child has ended; gone, whether all that belonged
// to it has.
func (p *process) reaped() bool { return closed(p.ending) }
func (p *process) gone() bool   { return closed(p.done) }

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

// offer hands inv to the function as soon as it asks for work. It fails with
// errGone when the process stops first, or with the cause of ctx.
func (p *process) offer(ctx context.Context, inv *invocation) error {
	p.mu.Lock()
	p.pending++
	p.thawLocked()
	p.mu.Unlock()
	var err error
	select {
	case p.queue <- inv:
		return nil // taken: pending goes down there
	case <-p.ending:
		err = errGone
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	p.freezeIdle()
	return err
}
