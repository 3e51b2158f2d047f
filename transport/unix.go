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

// Unix returns the transport that speaks HTTP/2 over a Unix socket in dir, or
// in os.TempDir() when dir is empty. Each Open makes a directory of its own
// there, which only this user may enter, with the socket in it; Close removes
// both. What a killed process left behind never stands in the way, and later
// Opens in the same dir remove it, each spending some 10 ms on that at most.
func Unix(dir string) Transport { return unixTransport{dir} }

type unixTransport struct{ dir string }

func (unixTransport) Name() string { return "unix" }

const (
	socketDirPrefix = "grpc-unix-"
	socketDirMode   = fs.FileMode(0o700)
	socketName      = "s"

	// sun_path of sockaddr_un has 108 bytes on Linux and 104 on the BSDs and
	// macOS, one of which is the terminating NUL; net reports a path that is
	// too long as a bare "invalid argument".
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
	l.SetUnlinkOnClose(false) // by path, which may name something else by then
	// The directory keeps others out already, whatever the umask made of this.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// A socketDir is the directory of one socket. It is used through its handles,
// since its path may come to name something else.
type socketDir struct {
	path string
	root *os.Root
	lock *os.File // the same directory, locked as long as this is open
}

// makeSocketDir makes a directory in base and locks it until it is removed or
// the process ends. The lock tells [removeStaleSockets] of any process that it
// is in use.
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

// remove removes the directory and the socket in it, and nothing else. It is no
// error if they are gone.
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

// sameFile reports whether path names the file that f opened, and not through
// a symbolic link.
func sameFile(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
