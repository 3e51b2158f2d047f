//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package transport

import "os"

// Without flock(2) nothing tells a stale directory from one in use, so none is
// removed. They are never in the way: each Open makes its own.
func lockWait(*os.File) error { return nil }

func lockTry(*os.File) bool { return false }
