//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package transport

import (
	"context"
	"os"
)

// removeStaleSockets removes nothing. Without flock(2), a stale directory
// cannot be told from one in use. Stale ones do not interfere, since each
// Open makes its own.
func removeStaleSockets(context.Context, string) {}

func lockWait(*os.File) error { return nil }
