//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package transport

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// An Open checks one batch of sweepBatch files, and further ones until sweepTime
// has passed, so that a full directory does not delay it. The next Open
// continues, since removed entries no longer take its time.
const (
	sweepBatch = 32
	sweepTime  = 10 * time.Millisecond
)

// removeStaleSockets removes directories in base that killed processes of
// this user left behind. It stops when ctx ends, or at the end of the batch
// during which sweepTime passes. It keeps everything that it is not allowed to
// remove or cannot identify for certain.
func removeStaleSockets(ctx context.Context, base string) {
	start := time.Now()
	root, err := os.OpenRoot(base)
	if err != nil {
		return
	}
	defer root.Close()
	list, err := root.Open(".")
	if err != nil {
		return
	}
	defer list.Close()
	for {
		entries, err := list.ReadDir(sweepBatch)
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), socketDirPrefix) && ctx.Err() == nil {
				removeStaleSocket(ctx, root, entry.Name())
			}
		}
		if err != nil || time.Since(start) >= sweepTime { // io.EOF at the end
			return
		}
	}
}

// removeStaleSocket removes the directory name in base if it looks as
// makeSocketDir makes it, belongs to this user, contains only a socket of
// this user, and is not in use. It works on handles instead of paths, so that
// a name that is replaced by a symbolic link cannot make it remove something
// else.
func removeStaleSocket(ctx context.Context, base *os.Root, name string) {
	info, err := base.Lstat(name) // OpenRoot would follow a link
	if err != nil || !info.IsDir() || info.Mode().Perm() != socketDirMode || !own(info) {
		return
	}
	dir, err := base.OpenRoot(name)
	if err != nil {
		return
	}
	defer dir.Close()
	f, err := dir.Open(".")
	if err != nil {
		return
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil || !os.SameFile(info, opened) || !lockTry(f) {
		return
	}
	if entries, _ := f.ReadDir(2); len(entries) != 1 || entries[0].Name() != socketName {
		return
	}
	socket, err := dir.Lstat(socketName)
	if err != nil || socket.Mode().Type() != fs.ModeSocket || !own(socket) ||
		!refused(ctx, filepath.Join(base.Name(), name, socketName)) {
		return
	}
	if dir.Remove(socketName) != nil {
		return
	}
	if now, err := base.Lstat(name); err == nil && os.SameFile(now, opened) {
		_ = base.Remove(name)
	}
}

// refused reports whether no process listens on the socket at path. The lock
// tells that of this package's sockets, but other programs do not use the
// lock.
func refused(ctx context.Context, path string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// own reports whether the file belongs to the user that this process runs as.
func own(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// lockWait locks f for this process until f is closed. The kernel releases
// the lock when the process ends, for whatever reason: see flock(2).
func lockWait(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// lockTry locks f if nobody else has, and reports whether it did.
func lockTry(f *os.File) bool { return flock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return err
		}
	}
}
