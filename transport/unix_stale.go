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

// One Open looks for stale sockets in batches of sweepBatch files and begins no
// further batch after sweepTime, so that a full directory does not delay it. The
// next Open goes on where this one stopped, as what it removed is gone.
const (
	sweepBatch = 32
	sweepTime  = 10 * time.Millisecond
)

// removeStaleSockets removes the directories in base that killed processes of
// this user left, until sweepTime has passed or ctx ends. It is best effort:
// what it may not remove, or cannot tell for sure, stays.
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
	for err == nil && time.Since(start) < sweepTime {
		var entries []fs.DirEntry
		entries, err = list.ReadDir(sweepBatch) // io.EOF at the end
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), socketDirPrefix) && ctx.Err() == nil {
				removeStaleSocket(ctx, root, entry.Name())
			}
		}
	}
}

// removeStaleSocket removes the directory of that name in base if it is as
// makeSocketDir makes it, belongs to this user, holds a socket of this user and
// nothing else, and neither is in use. Handles are used, not paths, so that
// nobody who swaps a name for a symbolic link can make it remove something else.
func removeStaleSocket(ctx context.Context, base *os.Root, name string) {
	info, err := base.Lstat(name) // which OpenRoot would follow if it were a link
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

// refused reports whether nobody listens on the socket at path. The lock says
// so of this package's sockets; other programs do not know the lock.
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

// lockWait locks f for this process until f is closed. The kernel lets go of
// the lock when the process ends, however it ends: see flock(2).
func lockWait(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// lockTry reports whether nobody else had locked f.
func lockTry(f *os.File) bool { return flock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return err
		}
	}
}
