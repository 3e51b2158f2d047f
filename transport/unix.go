package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// Unix returns the transport that uses HTTP/2 over a Unix socket in dir, or
// in os.TempDir() if dir is empty. Each Open makes a directory there with the
// socket in it, accessible only to the current user. Close removes both.
// Sockets of killed processes do not interfere. A later Open in dir removes
// them and spends about 10 ms on it at most.
func Unix(dir string) Transport { return unixTransport{dir} }

type unixTransport struct{ dir string }

func (unixTransport) Name() string { return "unix" }

const (
	socketDirPrefix = "grpc-unix-"
	socketDirMode   = fs.FileMode(0o700)
	socketName      = "s"

	// sun_path of sockaddr_un has 108 bytes on Linux and 104 on the BSDs and
	// macOS, including the terminating NUL. net reports a longer path only as
	// "invalid argument".
	maxSocketPath = 107
)

func (t unixTransport) Open(ctx context.Context, s ServerConfig) (Conn, error) {
	return openListener(ctx, t.Name(), s, t.listen)
}

func (t unixTransport) listen(ctx context.Context) (*endpoint, error) {
	base := t.dir
	if base == "" {
		base = os.TempDir()
	}
	removeStaleSockets(ctx, base)
	dir, err := makeSocketDir(base)
	if err != nil {
		return nil, err
	}
	l, err := listenUnix(filepath.Join(dir.path, socketName))
	if err != nil {
		return nil, errors.Join(err, dir.remove())
	}
	dial := dialer(l)
	return &endpoint{
		Listener: l,
		cleanup:  dir.remove,
		dial: func(ctx context.Context) (net.Conn, error) {
			if !sameFile(dir.lock, dir.path) {
				return nil, fmt.Errorf("directory of the socket %s: %w", l.Addr(), fs.ErrNotExist)
			}
			return dial(ctx)
		},
	}, nil
}

func listenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket path %s has %d bytes, at most %d fit: choose a shorter directory", path, len(path), maxSocketPath)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would remove whatever the path names by then
	// The directory already excludes other users, whatever the umask.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// A socketDir is the directory of one socket. It is used through its handles,
// since another file may replace it under its path.
type socketDir struct {
	path string
	root *os.Root
	lock *os.File // the same directory, locked while this is open
}

// makeSocketDir makes a directory in base and locks it until it is removed or
// the process ends. The lock tells [removeStaleSockets] of every process that
// the directory is in use.
func makeSocketDir(base string) (*socketDir, error) {
	path, err := os.MkdirTemp(base, socketDirPrefix) // with socketDirMode
	if err != nil {
		return nil, fmt.Errorf("making a directory for the socket: %w", err)
	}
	d := &socketDir{path: path}
	if err := d.open(); err != nil {
		d.close()
		return nil, fmt.Errorf("locking the socket's directory: %w", errors.Join(err, os.Remove(path)))
	}
	return d, nil
}

func (d *socketDir) open() (err error) {
	if d.root, err = os.OpenRoot(d.path); err != nil {
		return err
	}
	if d.lock, err = d.root.Open("."); err != nil {
		return err
	}
	if !sameFile(d.lock, d.path) {
		return fmt.Errorf("%s was replaced", d.path)
	}
	return lockWait(d.lock)
}

func (d *socketDir) close() {
	if d.root != nil {
		d.root.Close()
	}
	if d.lock != nil {
		d.lock.Close()
	}
}

// remove removes the socket and the directory, and nothing else. It returns
// nil if they do not exist.
func (d *socketDir) remove() error {
	defer d.close()
	if info, err := d.root.Lstat(socketName); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := d.root.Remove(socketName); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !sameFile(d.lock, d.path) {
		return nil
	}
	if err := os.Remove(d.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sameFile reports whether path names the file that f opened, without a
// symbolic link.
func sameFile(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
