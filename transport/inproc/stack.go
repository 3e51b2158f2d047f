package inproc

// growStack makes the stack of a new goroutine large enough for most handlers.
// A goroutine starts with a few kilobytes. The runtime would otherwise copy its
// stack several times on the way through interceptors and codecs, each time with
// more frames on it, which takes a third of a short call. The argument must be
// false: only the size of the frame matters.
//
//go:noinline
func growStack(use bool) (sum byte) { //nolint:unparam // without a result the frame could go
	if use {
		var frame [5 << 10]byte // with the runtime's rounding, 8 KiB
		for i := range frame {
			frame[i] = sum
			sum += frame[i/2]
		}
	}
	return sum
}
