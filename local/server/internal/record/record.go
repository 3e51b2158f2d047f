// Package record keeps the latest calls of a local server in memory: the HTTP
// request and response, the messages and metadata of the services, and the status.
// It keeps a bounded number of calls and a bounded part of each.
//
// The calls contain secrets. A program that shows calls must mask them.
package record

import (
	"context"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// MaxCalls is how many calls are kept.
	MaxCalls = 200
	// MaxPart bounds each part of a call that is kept, in bytes. The parts are
	// the target, the headers, the body, the metadata, the messages and the
	// status, of the request and of the response.
	MaxPart = 16 << 10
)

// A Protocol is the protocol of a client's call.
type Protocol string

// The protocols.
const (
	REST    Protocol = "REST"
	Connect Protocol = "Connect"
	GRPCWeb Protocol = "gRPC-Web"
	GRPC    Protocol = "gRPC"
)

// A Call is a copy of what the Recorder knows about a call, which may still run.
type Call struct {
	ID        uint64
	Start     time.Time
	Duration  time.Duration // zero while the call runs
	Running   bool
	Protocol  Protocol
	Transport string      // transport that carried the call to a service, such as "tcp"; empty if it is not known
	Method    string      // "/package.Service/Method"; empty if it is not known
	HTTP      *Exchange   // nil for a call of a gRPC listener
	Metadata  metadata.MD // as the services received it
	Request   Messages
	Response  Messages
	Code      codes.Code
	Status    *spb.Status // nil for OK, or if it is not known or too large
}

// An Exchange is an HTTP request and its response.
type Exchange struct {
	Method, Target, Host, Proto, RemoteAddr string

	Header       http.Header
	Body         Body
	StatusCode   int // zero before the response begins
	AnswerHeader http.Header
	Answer       Body
}

// A Body is the beginning of a body and its whole size in bytes.
type Body struct {
	Data []byte
	Size int64
}

// Whole reports whether all of the body has been kept.
func (b Body) Whole() bool { return int64(len(b.Data)) == b.Size }

// Messages are the messages of one direction of a call. Data has the first of them,
// encoded.
type Messages struct {
	Type  protoreflect.MessageType // nil before the first message
	Data  [][]byte
	Count int   // of all messages
	Size  int64 // of all messages, in bytes
}

// A Recorder keeps calls. It is safe for concurrent use.
type Recorder struct {
	prefix  string
	methods map[string]bool
	routes  []route
	version atomic.Uint64

	mu    sync.Mutex
	last  uint64
	calls [MaxCalls]*entry // the call of ID n is at n % MaxCalls
}

// New returns a recorder for calls of services. prefix is the beginning of every
// URL path.
func New(services map[string]grpc.ServiceInfo, prefix string) *Recorder {
	r := &Recorder{prefix: prefix, methods: map[string]bool{}, routes: routes(services)}
	for service, info := range services {
		for _, m := range info.Methods {
			r.methods["/"+service+"/"+m.Name] = true
		}
	}
	return r
}

// Version returns a number that increases whenever a call changes.
func (r *Recorder) Version() uint64 { return r.version.Load() }

// Calls returns copies of the calls that are kept, the latest first.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	entries := make([]*entry, 0, MaxCalls)
	for id := r.last; id > 0 && id+MaxCalls > r.last; id-- {
		entries = append(entries, r.calls[id%MaxCalls])
	}
	r.mu.Unlock()
	calls := make([]Call, len(entries))
	for i, e := range entries {
		calls[i] = r.snapshot(e)
	}
	return calls
}

// Call returns a copy of the call with the given ID. It returns false if the call is
// not kept.
func (r *Recorder) Call(id uint64) (Call, bool) {
	e := r.entry(id)
	if e == nil {
		return Call{}, false
	}
	return r.snapshot(e), true
}

func (r *Recorder) entry(id uint64) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.calls[id%MaxCalls]; e != nil && e.call.ID == id {
		return e
	}
	return nil
}

// add adds a new call.
func (r *Recorder) add(e *entry) {
	e.recorder = r
	e.call.Start = time.Now()
	e.call.Running = true
	e.call.Request.Data, e.call.Response.Data = e.first[0][:0], e.first[1][:0]
	r.mu.Lock()
	r.last++
	e.call.ID = r.last
	r.calls[e.call.ID%MaxCalls] = e
	r.mu.Unlock()
	r.version.Add(1)
}

// An entry is a call in progress or completed. The fields of call that add sets do
// not change; mu guards the others.
type entry struct {
	recorder *Recorder

	mu                   sync.Mutex
	call                 Call
	exchange             Exchange     // the target of call.HTTP
	header, answerHeader pairs        // of the exchange
	metadata             pairs        // of the call
	first                [2][1][]byte // room for the first message of each direction
	space                [4]space     // for that message and for the body, so that a small one takes no allocation
	answered             bool         // an RPC has ended: Code is its code
}

type space [128]byte

// snapshot returns a copy of a call. If the RPC is not known, the method is a guess
// from the request's path.
func (r *Recorder) snapshot(e *entry) Call {
	c := e.snapshot()
	if c.Method == "" && c.HTTP != nil {
		path, _, _ := strings.Cut(c.HTTP.Target, "?")
		c.Method = r.route(c.HTTP.Method, strings.TrimPrefix(path, r.prefix))
	}
	return c
}

// snapshot returns a copy that does not change later. Its slices and maps can be
// shared, since they are only appended to or replaced.
func (e *entry) snapshot() Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.call
	if e.metadata != nil {
		c.Metadata = e.metadata.header()
	}
	if c.HTTP != nil {
		exchange := *c.HTTP
		exchange.Header, exchange.AnswerHeader = e.header.header(), e.answerHeader.header()
		c.HTTP = &exchange
	}
	return c
}

// update changes the call under its mutex.
func (e *entry) update(change func(*Call)) {
	e.mu.Lock()
	change(&e.call)
	e.mu.Unlock()
	e.recorder.version.Add(1)
}

func (e *entry) end() {
	e.update(func(c *Call) {
		c.Running = false
		c.Duration = time.Since(c.Start)
	})
}

// add counts a message and keeps it if there is room, the first one in space if it
// fits. If a handler modifies the message at the same time, encoding it may panic;
// then add does not keep it.
func (m *Messages) add(v any, space *space) {
	message, ok := v.(proto.Message)
	if !ok {
		return
	}
	defer func() { _ = recover() }()
	m.Count++
	kept := 0
	for _, data := range m.Data {
		kept += len(data) + messageOverhead
	}
	size := proto.Size(message)
	if m.Type == nil {
		m.Type = message.ProtoReflect().Type()
	}
	m.Size += int64(size)
	if m.Count == len(m.Data)+1 && kept+size+messageOverhead <= MaxPart {
		room := space[:0]
		if m.Count > 1 || size > len(space) {
			room = make([]byte, 0, size)
		}
		data, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(room, message)
		if err == nil {
			m.Data = append(m.Data, data)
		}
	}
}

// messageOverhead is the memory of an empty message in Messages.Data, in bytes.
const messageOverhead = 24

// Keep appends p to the body. It keeps at most MaxPart bytes and counts the rest.
func (b *Body) Keep(p []byte) {
	b.Size += int64(len(p))
	if room := MaxPart - len(b.Data); room > 0 {
		b.Data = append(b.Data, p[:min(room, len(p))]...)
	}
}

// pairs are names and values, each after its length, in the one allocation of a
// copy of a header or of metadata. It has no pointers: the garbage collector would
// otherwise take longer to follow those of all kept calls than it takes to record
// one.
type pairs []byte

// flatten copies a header, or as much of it as fits into MaxPart.
func flatten(values map[string][]string) pairs {
	flat, size := make(pairs, 0, 512), 0 // enough for most
	for name, list := range values {
		for _, value := range list {
			size += len(name) + len(value) + pairOverhead
			if size > MaxPart {
				return flat.append(Cut).append("more than is kept")
			}
			flat = flat.append(name).append(value)
		}
	}
	return flat
}

// pairOverhead is at least the length of the two lengths of a pair.
const pairOverhead = 2 * binary.MaxVarintLen32

func (p pairs) append(s string) pairs {
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

func (p pairs) header() map[string][]string {
	h := map[string][]string{}
	for rest := string(p); rest != ""; {
		var name, value string
		name, rest = first(rest)
		value, rest = first(rest)
		h[name] = append(h[name], value)
	}
	return h
}

// first returns the first string of s, and the rest of s.
func first(s string) (text, rest string) {
	length, n := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen32)]))
	return s[n : n+int(length)], s[n+int(length):]
}

// Cut is the name of a header or metadata key that replaces those not kept.
const Cut = "(cut)"

// cut returns the first MaxPart bytes of s, without keeping the rest in memory.
func cut(s string) string {
	if len(s) <= MaxPart {
		return s
	}
	return strings.Clone(s[:MaxPart])
}

// key is the context key of the entry of an HTTP request.
type key struct{}

func entryOf(ctx context.Context) *entry {
	e, _ := ctx.Value(key{}).(*entry)
	return e
}
