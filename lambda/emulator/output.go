package emulator

import (
	"io"
	"os"
	"sync"
	"time"
)

// connectOutput connects the child's output with the configured writers. It
// returns the write ends of the pipes, which the child inherits.
func (p *process) connectOutput(output *sync.Mutex) (writers []*os.File, err error) {
	var readers []*os.File
	connect := func(w io.Writer) (io.Writer, error) {
		file, isFile := w.(*os.File)
		if w == nil {
			return nil, nil
		} else if isFile {
			return file, nil
		}
		pr, pw, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		readers, writers = append(readers, pr), append(writers, pw)
		p.tasks.Go(func() { p.copyOutput(w, pr, output) })
		return pw, nil
	}
	if p.cmd.Stdout, err = connect(p.cfg.Stdout); err == nil {
		p.cmd.Stderr, err = connect(p.cfg.Stderr)
	}
	if err != nil {
		for _, pipe := range writers {
			_ = pipe.Close() // ends the copying
		}
		p.tasks.Wait()
		return nil, err
	}
	p.tasks.Go(func() {
		<-p.ending
		for _, pipe := range readers { // a process that left the group may hold the other end
			_ = pipe.SetReadDeadline(time.Now().Add(drainTimeout))
		}
	})
	return writers, nil
}

// copyOutput copies the pipe to w until the pipe ends. If a write fails, that
// output is lost and the function does not notice.
func (p *process) copyOutput(w io.Writer, r *os.File, output *sync.Mutex) {
	defer func() { _ = r.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			output.Lock()
			_, _ = w.Write(buffer[:n])
			output.Unlock()
		}
		if err != nil {
			return
		}
	}
}
