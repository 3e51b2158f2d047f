//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package transport

import (
	"os"
	"syscall"
)

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
