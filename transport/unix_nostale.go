//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package transport

import (
	"context"
	"os"
)

// Without flock(2) nothing tells a stale directory from one in use, so none is
// removed. They are never in the way: each Open makes its own.
func removeStaleSockets(context.Context, string) {}

func lockWait(*os.File) error { return nil }
