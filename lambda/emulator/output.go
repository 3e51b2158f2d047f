package emulator

import (
	"io"
	"os"
	"sync"
	"time"
)

// connectOutput connects the child's output with the configured writers and
// returns the ends that are the child's.
func (p *process) connectOutput(output *sync.Mutex) (theirs []*os.File, err error) {
	var ours []*os.File
	connect := func(w io.Writer) (io.Writer, error) {
		file, isFile := w.(*os.File)
		if w == nil {
			return nil, nil
		} else if isFile {
			return file, nil
		}
		r, theirEnd, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, r), append(theirs, theirEnd)
		p.tasks.Go(func() { p.copyOutput(w, r, output) })
		return theirEnd, nil
	}
	if p.cmd.Stdout, err = connect(p.cfg.Stdout); err == nil {
		p.cmd.Stderr, err = connect(p.cfg.Stderr)
	}
	if err != nil {
		for _, pipe := range theirs {
			_ = pipe.Close() // ends the copying
		}
		p.tasks.Wait()
		return nil, err
	}
	p.tasks.Go(func() {
		<-p.ending
		for _, pipe := range ours { // a process that left the group may hold the other end
			_ = pipe.SetReadDeadline(time.Now().Add(lingering))
		}
	})
	return theirs, nil
}

// copyOutput copies until the pipe ends; a writer that fails loses output, and
// the function is not told.
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
