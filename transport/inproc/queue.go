package inproc

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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

	// More messages than this at a time make a fast reader no faster.
	fullBatch = 64
)

// A queue holds the encoded messages of one direction of a stream between its
// sender and its reader. The stream's mutex guards it.
type queue struct {
	batch
	unread atomic.Int32 // messages; for spin, which looks without the mutex
	bytes  int          // unread ones, with a message header for each message
	closed bool

	canRead  sync.Cond
	canWrite sync.Cond
	waiting  bool // a sender waits
}

// A batch is a sequence of encoded messages. Small ones are copied into one
// piece of memory, in which they cost neither an allocation nor the collector's
// attention.
type batch struct {
	sizes  []int32 // of the messages, or isLarge
	small  []byte
	large  []payload
	next   int // in sizes
	offset int // in small
	taken  int // of large
}

// isLarge, in place of a size, says that a message is among the large ones.
const isLarge = -1

func (b *batch) empty() bool { return b.next == len(b.sizes) }

// add puts p at the end, and frees it if it is copied.
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

// first takes the first message out. It is valid until something is added or b
// is reset.
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

// compact makes use of the memory of what has been taken out already.
func (b *batch) compact() {
	b.sizes = b.sizes[:copy(b.sizes, b.sizes[b.next:])]
	b.small = b.small[:copy(b.small, b.small[b.offset:])]
	b.large = slices.Delete(b.large, 0, b.taken)
	b.next, b.offset, b.taken = 0, 0, 0
}

// reset empties b, which goes on with its memory.
func (b *batch) reset() {
	*b = batch{sizes: b.sizes[:0], small: b.small[:0], large: b.large[:0]}
}

func (q *queue) init(mu *sync.Mutex) {
	q.canRead.L = mu
	q.canWrite.L = mu
}

// spin gives the sender time to send n messages more, without the mutex and
// without going to sleep, as long as it sees that some arrive. What it costs to
// meet the sender at the mutex is then shared by many messages.
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

func (q *queue) push(p payload) {
	q.bytes += p.len() + messageHeader
	q.add(p)
	q.unread.Store(int32(len(q.sizes) - q.next))
	q.canRead.Signal()
}

// pop takes the first message out. A small one is copied to to.
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

// take is pop for all messages. The queue goes on with the memory of those
// taken the last time, which have been read.
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

// close says that no message follows, and wakes who waits for one.
func (q *queue) close() {
	q.closed = true
	q.unread.Store(1 << 30)
	q.wake()
}

// discard drops what nobody is going to read.
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
