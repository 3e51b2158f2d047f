// Package testlog has the buffer in which tests collect what programs and loggers
// write.
package testlog

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Buffer is a bytes.Buffer that is safe for concurrent use. The zero value is an
// empty buffer.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends p to the buffer. The error is always nil.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns all that has been written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// waitTime is how long Wait waits. Only a test that fails waits so long.
const waitTime = time.Minute

// Wait waits until text is in the buffer. If it is not there after a minute, Wait
// ends the test with a message that has text and the content of the buffer.
func (b *Buffer) Wait(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(waitTime); !strings.Contains(b.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q is not in the log: %s", text, b)
		}
	}
}
