package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Unix returns the transport that speaks HTTP/2 over a Unix socket in dir, or
// in os.TempDir() when dir is empty. Each Open makes a directory of its own
// there, which only this user may enter, with the socket in it; Close removes
// both. What a killed process left behind never stands in the way and is
// removed by the next Open in the same dir.
func Unix(dir string) Transport { return unixTransport{dir} }

type unixTransport struct{ dir string }

func (unixTransport) Name() string { return "unix" }

const (
	socketDirPrefix = "grpc-unix-"
	socketName      = "s"

	// sun_path of sockaddr_un has 108 bytes on Linux and 104 on the BSDs and
	// macOS, one of which is the terminating NUL; net reports a path that is
	// too long as a bare "invalid argument".
	maxSocketPath = 107
)

func (t unixTransport) Open(ctx context.Context, s ServerConfig) (Conn, error) {
	return openListener(ctx, t.Name(), s, t.listen)
}

func (t unixTransport) listen() (endpoint, error) {
	base := t.dir
	if base == "" {
		base = os.TempDir()
	}
	removeStaleSockets(base)
	dir, lock, err := makeSocketDir(base)
	if err != nil {
		return endpoint{}, err
	}
	remove := func() error {
		defer lock.Close()
		return removeSocketDir(dir)
	}
	l, err := listenUnix(filepath.Join(dir, socketName))
	if err != nil {
		return endpoint{}, errors.Join(err, remove())
	}
	return endpoint{Listener: l, dial: dialer(l), cleanup: remove}, nil
}

func listenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket path %s has %d bytes, at most %d fit: choose a shorter directory", path, len(path), maxSocketPath)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	// The directory keeps others out already, whatever the umask made of this.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// makeSocketDir makes a directory in base and locks it for as long as the
// returned file is open, which is until the process ends at the latest. The
// lock tells [removeStaleSockets] of any process that it is in use.
func makeSocketDir(base string) (string, *os.File, error) {
	for {
		dir, err := os.MkdirTemp(base, socketDirPrefix) // mode 0700
		if err != nil {
			return "", nil, fmt.Errorf("making a directory for the socket: %w", err)
		}
		f, err := os.Open(dir)
		if err == nil {
			if err = lockWait(f); err == nil && sameFile(f, dir) {
				return dir, f, nil
			}
			f.Close()
		}
		// Between MkdirTemp and the lock, another process may have taken the
		// directory for a stale one and removed it. Then try again.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, fmt.Errorf("locking the socket's directory: %w", errors.Join(err, os.Remove(dir)))
		}
	}
}

// removeStaleSockets removes what processes that did not live to close their
// Conn left in base. It is a courtesy: what it may not remove stays.
func removeStaleSockets(base string) {
	entries, _ := os.ReadDir(base)
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), socketDirPrefix) {
			continue
		}
		dir := filepath.Join(base, entry.Name())
		f, err := os.Open(dir)
		if err != nil {
			continue // another user's
		}
		if lockTry(f) && sameFile(f, dir) {
			_ = removeSocketDir(dir)
		}
		f.Close()
	}
}

// sameFile reports whether path still names the file that f opened.
func sameFile(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// removeSocketDir removes dir and the socket in it, and nothing else: a
// directory that holds other files is not ours, and stays.
func removeSocketDir(dir string) error {
	if err := os.Remove(filepath.Join(dir, socketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
