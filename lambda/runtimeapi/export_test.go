package runtimeapi

import "time"

// NewWithBounds is New with short bounds on what the API may do, such as on a
// message that has begun and on taking an answer, and no pause between dials.
func NewWithBounds(cfg Config, bound time.Duration) (*Client, error) {
	timing := defaultTiming()
	timing.message, timing.reply, timing.late, timing.register, timing.lastCall = bound, bound, bound, bound, bound
	timing.redials = make([]time.Duration, 2)
	return newClient(cfg, timing)
}

// NewWithReplyBounds is New with bounds on how long the API may take to reply
// to an answer, and on the wait for a reply that is late.
func NewWithReplyBounds(cfg Config, reply, late time.Duration) (*Client, error) {
	timing := defaultTiming()
	timing.reply, timing.late = reply, late
	return newClient(cfg, timing)
}
