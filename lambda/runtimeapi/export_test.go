package runtimeapi

import "time"

// NewImpatient is New with short bounds on what the API may do: on a message
// that has begun, and on taking an answer.
func NewImpatient(cfg Config, bound time.Duration) (*Client, error) {
	timing := defaultTiming()
	timing.message, timing.reply, timing.register, timing.lastCall = bound, bound, bound, bound
	return newClient(cfg, timing)
}
