// Package record keeps the latest calls of a local server in memory: the HTTP
// request and response, the messages and metadata of the services, and the status.
// It keeps a bounded number of calls and a bounded part of each.
//
// The calls contain secrets. A program that shows calls must mask them.
package record

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
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
	Metadata  metadata.MD // as the services received it; empty if none did
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
	routes  func() []route
	version atomic.Uint64
	last    atomic.Uint64   // the ID of the latest call
	entries [MaxCalls]entry // the call of ID n is at n % MaxCalls
	room    []byte          // for the logs, MaxPart bytes each
}

// New returns a recorder for calls of services. prefix is the beginning of every
// URL path.
func New(services map[string]grpc.ServiceInfo, prefix string) *Recorder {
	r := &Recorder{
		prefix: prefix, methods: map[string]bool{}, room: make([]byte, MaxCalls*MaxPart),
		routes: sync.OnceValue(func() []route { return routes(services) }),
	}
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
	calls := make([]Call, 0, MaxCalls)
	latest := r.last.Load()
	for id := latest; id > 0 && id+MaxCalls > latest; id-- {
		if c, ok := r.Call(id); ok {
			calls = append(calls, c)
		}
	}
	return calls
}

// Call returns a copy of the call with the given ID. It returns false if the call is
// not kept.
func (r *Recorder) Call(id uint64) (Call, bool) {
	e := &r.entries[id%MaxCalls]
	e.mu.Lock()
	if e.id != id || id == 0 {
		e.mu.Unlock()
		return Call{}, false
	}
	s, log := e.state, slices.Clone(e.log)
	e.mu.Unlock()
	return r.call(id, &s, log.split()), true
}

// call returns the call that has a state and texts.
func (r *Recorder) call(id uint64, s *state, t texts) Call {
	c := Call{
		ID: id, Start: s.start, Duration: s.duration, Running: s.running,
		Protocol: GRPC, Transport: s.transport, Method: t.text(partMethod),
		Metadata: metadata.MD(t.header(partMetadata)),
		Request:  Messages{s.request.kind, t[partRequestMessage], s.request.count, s.request.size},
		Response: Messages{s.response.kind, t[partResponseMessage], s.response.count, s.response.size},
		Code:     s.code, Status: s.status,
	}
	if !s.http {
		return c
	}
	c.HTTP = &Exchange{
		Method: t.text(partVerb), Target: t.text(partTarget), Host: t.text(partHost),
		Proto: t.text(partProto), RemoteAddr: t.text(partClient),
		Header:       t.header(partRequestHeader),
		Body:         Body{bytes.Join(t[partRequestBody], nil), s.requestSize},
		StatusCode:   s.statusCode,
		AnswerHeader: t.header(partResponseHeader),
		Answer:       Body{bytes.Join(t[partResponseBody], nil), s.responseSize},
	}
	if t[partResponseTrailer] != nil {
		c.HTTP.AnswerHeader = t.header(partResponseTrailer)
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(c.HTTP.Target, r.prefix), "?")
	called, _ := url.PathUnescape(path)
	c.Protocol = s.protocol
	if c.Protocol == REST && r.methods[called] {
		c.Protocol = Connect
	}
	switch {
	case c.Method != "":
	case r.methods[called]:
		c.Method = called
	default:
		c.Method = r.route(c.HTTP.Method, path)
	}
	if !s.running && (!s.answered || !s.returned) {
		c.Code, c.Status = outcome(c.HTTP, c.HTTP.AnswerHeader, s.returned)
	}
	return c
}

// An entry is the memory of a call, which later calls use again. Allocating it for
// each call would take more time than recording does: the garbage collector would run
// more often, and would have more to follow.
type entry struct {
	mu  sync.Mutex
	id  uint64 // zero before the first call
	log log
	state
}

// A state is what is known of a call besides its texts.
type state struct {
	start                     time.Time
	duration                  time.Duration
	running                   bool
	http                      bool     // the call is an HTTP request
	returned                  bool     // its handler has returned: it neither runs nor panicked
	called                    bool     // an RPC has begun
	answered                  bool     // an RPC has ended: code and status are those of the RPC
	protocol                  Protocol // of an HTTP request; REST may be Connect
	transport                 string
	request, response         messages
	requestSize, responseSize int64 // of the bodies
	piece                     int   // where the latest text of a body begins in the log
	statusCode                int
	code                      codes.Code
	status                    *spb.Status
}

// A recording is a call that can be changed. Changes have no effect when the call is
// no longer kept.
type recording struct {
	recorder *Recorder
	id       uint64
}

// begin begins a call. set sets what is known of it.
func (r *Recorder) begin(set func(*entry)) recording {
	c := recording{r, r.last.Add(1)}
	at := c.id % MaxCalls
	e := &r.entries[at]
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.id > c.id { // MaxCalls calls have begun since Add
		return c
	}
	e.id, e.state = c.id, state{start: time.Now(), running: true}
	e.log = r.room[at*MaxPart:][:0:MaxPart] // a longer one is allocated
	set(e)
	r.version.Add(1)
	return c
}

// update changes the call.
func (c recording) update(change func(*entry)) {
	e := &c.recorder.entries[c.id%MaxCalls]
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.id == c.id {
		change(e)
		c.recorder.version.Add(1)
	}
}

func (e *entry) end() {
	e.running = false
	e.duration = time.Since(e.start)
}

// keep adds a piece of a body of the given size so far, or as much as MaxPart allows.
// Pieces that follow each other become one text.
func (e *entry) keep(p part, size *int64, piece []byte) {
	if room := MaxPart - *size; room > 0 {
		if !e.log.endsWith(p, e.piece) {
			e.piece = len(e.log)
			e.log = e.log.start(p, 0)
		}
		e.log = e.log.extend(e.piece, piece[:min(room, int64(len(piece)))])
	}
	*size += int64(len(piece))
}

// messages are the messages of one direction of a call.
type messages struct {
	kind  protoreflect.MessageType // nil before the first message
	count int
	size  int64
	kept  int // bytes, including messageOverhead; MaxPart if no more are kept
}

// messageOverhead is the memory of an empty message in Messages.Data, in bytes.
const messageOverhead = 24

// add counts a message and keeps it if there is room. If a handler modifies the
// message at the same time, encoding it may panic. A message that is not kept is the
// last: the kept ones are the first of all.
func (e *entry) add(p part, m *messages, v any) {
	message, ok := v.(proto.Message)
	if !ok {
		return
	}
	m.count++
	before, whole := e.log, false
	defer func() {
		if !whole {
			_ = recover()
			e.log, m.kept = before, MaxPart
		}
	}()
	size := proto.Size(message)
	if m.kind == nil {
		m.kind = message.ProtoReflect().Type()
	}
	m.size += int64(size)
	m.kept += size + messageOverhead
	if m.kept > MaxPart {
		return
	}
	e.log = e.log.start(p, size)
	data, err := proto.MarshalOptions{AllowPartial: true, UseCachedSize: true}.MarshalAppend(e.log, message)
	whole = err == nil && len(data) == len(e.log)+size
	e.log = data
}

// Keep appends p to the body. It keeps at most MaxPart bytes and counts the rest.
func (b *Body) Keep(p []byte) {
	b.Size += int64(len(p))
	if room := MaxPart - len(b.Data); room > 0 {
		b.Data = append(b.Data, p[:min(room, len(p))]...)
	}
}

// Cut is the name of a header or metadata key that replaces those not kept.
const Cut = "(cut)"
