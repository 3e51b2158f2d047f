package inproc

import (
	"runtime"
	"sync"
)

const (
	// queueLimit is how many bytes of one direction of a stream may be unread
	// before its sender waits: the initial window of HTTP/2, and the write
	// quota of grpc-go. A message larger than that passes when there is room
	// for a byte.
	queueLimit = 64 << 10

	// A sender that waits is woken when half of the queue has been read, so
	// that it does not wake for each message; but not later than when so few
	// messages are left that the reader might wait for the next one.
	fewMessages = 8

	// A reader that finds nothing lets others run this many times before it
	// sleeps. A sender at work has the next message ready by then, or the next
	// hundred; to be woken for each of them costs more than the message.
	yields = 4
)

// A queue holds the encoded messages of one direction of a stream between its
// sender and its reader. The stream's mutex guards it.
type queue struct {
	messages []payload
	first    int // index of the oldest one
	size     int // bytes, with a message header for each
	closed   bool

	canRead  sync.Cond
	canWrite sync.Cond
	waiting  bool // a sender waits
}

func (q *queue) init(mu *sync.Mutex) {
	q.canRead.L = mu
	q.canWrite.L = mu
}

func (q *queue) empty() bool { return q.first == len(q.messages) }

func (q *queue) full() bool { return q.size >= queueLimit }

// await waits until something has changed for the reader, or may have: it has
// tried that many times to go on.
func (q *queue) await(tried int) {
	if tried < yields {
		q.canRead.L.Unlock()
		runtime.Gosched()
		q.canRead.L.Lock()
		return
	}
	q.canRead.Wait()
}

// wait waits until something has changed for the sender.
func (q *queue) wait() {
	q.waiting = true
	q.canWrite.Wait()
}

func (q *queue) push(m payload) {
	if q.first > 64 && q.first > len(q.messages)/2 {
		n := copy(q.messages, q.messages[q.first:])
		clear(q.messages[n:])
		q.messages, q.first = q.messages[:n], 0
	}
	q.messages = append(q.messages, m)
	q.size += m.len() + messageHeader
	q.canRead.Signal()
}

func (q *queue) pop() payload {
	m := q.messages[q.first]
	q.messages[q.first] = payload{}
	q.first++
	q.size -= m.len() + messageHeader
	if q.empty() {
		q.messages, q.first = q.messages[:0], 0
	}
	if q.waiting && !q.full() && (q.size <= queueLimit/2 || len(q.messages)-q.first <= fewMessages) {
		q.waiting = false
		q.canWrite.Signal()
	}
	return m
}

// take is pop for all messages. The queue goes on with the memory of those
// taken the last time, which have been read.
func (q *queue) take(last []payload) []payload {
	all := q.messages[q.first:]
	q.messages, q.first, q.size = last[:0], 0, 0
	if q.waiting {
		q.waiting = false
		q.canWrite.Signal()
	}
	return all
}

// close says that no message follows, and wakes who waits for one.
func (q *queue) close() {
	q.closed = true
	q.wake()
}

// discard drops what nobody is going to read.
func (q *queue) discard() {
	for !q.empty() {
		m := q.pop()
		m.free()
	}
	q.close()
}

func (q *queue) wake() {
	q.waiting = false
	q.canRead.Broadcast()
	q.canWrite.Broadcast()
}
