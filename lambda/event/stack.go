package event

// growStack makes the stack of a new goroutine large enough for a handler that
// makes a call through a gateway. A goroutine starts with a few kilobytes, and
// the runtime would otherwise copy its stack several times, each time with more
// frames on it. The argument is false: it is the size of the frame that counts.
//
//go:noinline
func growStack(use bool) (sum byte) {
	if use {
		var frame [12 << 10]byte // with the runtime's rounding, 16 KiB
		for i := range frame {
			frame[i] = sum
			sum += frame[i/2]
		}
	}
	return sum
}
