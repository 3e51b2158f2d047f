package inproc

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// queueLimit is the number of unread bytes in one direction of a stream
	// from which on its sender waits. It equals the initial window of HTTP/2
	// and the write quota of grpc-go. A message of any size is accepted below
	// the limit.
	queueLimit = 64 << 10

	// A waiting sender is woken when half of the queue has been read, rather
	// than after each message. It is woken earlier if so few messages are
	// left that the reader might run out of them.
	fewMessages = 8

	// A reader of an empty queue yields this many times before it sleeps. An
	// active sender has sent the next message by then, or the next hundred.
	// Waking the reader for each of them costs more than the message.
	yields = 4

	// A larger batch does not make a fast reader faster.
	fullBatch = 64
)

// A queue holds the encoded messages of one direction of a stream. The
// stream's mutex guards it.
type queue struct {
	batch
	unread atomic.Int32 // number of messages; atomic since spin reads it without the mutex
	bytes  int          // unread bytes, including a message header for each message
	closed bool

	canRead  sync.Cond
	canWrite sync.Cond
	waiting  bool // a sender waits
}

// A batch is a sequence of encoded messages. Small ones are copied into one
// buffer, so that they need neither an allocation each nor the attention of
// the garbage collector.
type batch struct {
	sizes  []int32 // the size of each message, or isLarge
	small  []byte
	large  []payload
	next   int // index in sizes of the next message to read
	offset int // offset in small of the next small message
	taken  int // number of messages read from large
}

// isLarge, in place of a size, says that a message is in large.
const isLarge = -1

func (b *batch) empty() bool { return b.next == len(b.sizes) }

// add appends p. It frees p if it copies it.
func (b *batch) add(p payload) {
	if b.empty() {
		b.reset()
	} else if b.next > fullBatch && b.next > len(b.sizes)/2 {
		b.compact()
	}
	size := p.len()
	if size > smallMessage {
		b.sizes = append(b.sizes, isLarge)
		b.large = append(b.large, p)
		return
	}
	b.sizes = append(b.sizes, int32(size))
	b.small = append(b.small, p.data...)
	p.free()
}

// first removes and returns the first message. It is valid until the next add
// or reset.
func (b *batch) first() payload {
	size := b.sizes[b.next]
	b.next++
	if size == isLarge {
		p := b.large[b.taken]
		b.large[b.taken] = payload{}
		b.taken++
		return p
	}
	data := b.small[b.offset : b.offset+int(size)]
	b.offset += int(size)
	return payload{data: data, borrowed: true}
}

// compact reuses the memory of messages that have been taken.
func (b *batch) compact() {
	b.sizes = b.sizes[:copy(b.sizes, b.sizes[b.next:])]
	b.small = b.small[:copy(b.small, b.small[b.offset:])]
	b.large = slices.Delete(b.large, 0, b.taken)
	b.next, b.offset, b.taken = 0, 0, 0
}

// reset empties b and keeps its memory.
func (b *batch) reset() {
	*b = batch{sizes: b.sizes[:0], small: b.small[:0], large: b.large[:0]}
}

func (q *queue) init(mu *sync.Mutex) {
	q.canRead.L = mu
	q.canWrite.L = mu
}

// spin yields while the sender is adding messages, until there are n. It
// neither locks the mutex nor sleeps, so the cost of locking is shared by
// more messages.
func (q *queue) spin(n int32) {
	before := int32(-1)
	for pauses := 4; ; pauses = min(2*pauses, 16) {
		now := q.unread.Load()
		if now >= n || now == before {
			return
		}
		before = now
		for range pauses {
			runtime.Gosched()
		}
	}
}

func (q *queue) full() bool { return q.bytes >= queueLimit }

// await makes the reader wait for the sender. tried is how often the reader has
// waited already for this message: at first it only yields to other goroutines.
func (q *queue) await(tried int) {
	if tried < yields {
		q.canRead.L.Unlock()
		runtime.Gosched()
		q.canRead.L.Lock()
		return
	}
	q.canRead.Wait()
}

// wait waits until the queue has changed for the sender.
func (q *queue) wait() {
	q.waiting = true
	q.canWrite.Wait()
}

func (q *queue) push(p payload) {
	q.bytes += p.len() + messageHeader
	q.add(p)
	q.unread.Store(int32(len(q.sizes) - q.next))
	q.canRead.Signal()
}

// pop removes and returns the first message. A small one is copied to to.
func (q *queue) pop(to []byte) payload {
	p := q.first()
	q.bytes -= p.len() + messageHeader
	if p.borrowed {
		p.data = append(to[:0], p.data...)
	}
	if q.waiting && !q.full() && (q.bytes <= queueLimit/2 || len(q.sizes)-q.next <= fewMessages) {
		q.waiting = false
		q.canWrite.Signal()
	}
	return p
}

// take removes and returns all messages. The queue reuses the memory of last,
// the batch taken before, which must have been read.
func (q *queue) take(last batch) batch {
	last.reset()
	all := q.batch
	q.batch, q.bytes = last, 0
	q.unread.Store(0)
	if q.waiting {
		q.waiting = false
		q.canWrite.Signal()
	}
	return all
}

// close ends the sequence of messages and wakes the waiting goroutines.
func (q *queue) close() {
	q.closed = true
	q.unread.Store(1 << 30)
	q.wake()
}

// discard drops the messages that will not be read.
func (q *queue) discard() {
	for !q.empty() {
		p := q.first()
		p.free()
	}
	q.reset()
	q.bytes = 0
	q.close()
}

func (q *queue) wake() {
	q.waiting = false
	q.canRead.Broadcast()
	q.canWrite.Broadcast()
}
