//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package transport

import (
	"context"
	"os"
)

// removeStaleSockets removes nothing. Without flock(2), it cannot tell a stale
// directory from one in use. Stale directories do no harm, since each Open
// makes a new one.
func removeStaleSockets(context.Context, string) {}

func lockWait(*os.File) error { return nil }
