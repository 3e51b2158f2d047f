package event

// growStack makes the stack of a new goroutine large enough for a call through a
// gateway. A goroutine starts with a few kilobytes, so the runtime would otherwise
// copy the growing stack several times. Callers pass false: the frame itself needs
// the space.
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
