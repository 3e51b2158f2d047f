package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// Fuzz runs scripts of operations on both ends of a stream, on tr and on the
// Unix socket, and compares the results. The first byte of a script selects
// the kinds of stream that the server and the client expect. Each further
// byte is an operation. Operations are skipped if their result depends on
// timing, or if they would wait for something that no later operation can
// cause.
func Fuzz(f *testing.F, tr transport.Transport) {
	for kind := range byte(len(kinds)) {
		f.Add([]byte{kind})
		f.Add([]byte{kind, 0, 1, 8, 9, 10, 2, 14})
		f.Add([]byte{kind, 11, 12, 13, 8, 0, 1, 9, 2, 3, 15, 2})
		f.Add([]byte{kind, 0, 0x40, 1, 8, 8, 9, 9, 2, 2, 3, 4, 5})
	}
	oracle, tested := openDrivenServer(f, socket{}), openDrivenServer(f, tr)
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 200 {
			return // longer scripts find nothing more
		}
		want, got := oracle.run(t, script), tested.run(t, script)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("script %v: %s differs from grpc over a Unix socket (-socket +%s):\n%s", script, tr.Name(), tr.Name(), diff)
		}
	})
}

// kinds are the stream types that the server has and the client expects,
// which may differ.
var kinds = []struct {
	method string
	server *grpc.StreamDesc
	client *grpc.StreamDesc
}{
	{bidi, bidiDesc, bidiDesc},
	{clientStream, clientStreamDesc, clientStreamDesc},
	{serverStream, serverStreamDesc, serverStreamDesc},
	{clientStream, clientStreamDesc, bidiDesc},
	{serverStream, serverStreamDesc, bidiDesc},
	{bidi, bidiDesc, clientStreamDesc},
	{bidi, bidiDesc, serverStreamDesc},
	{bidi, bidiDesc, unaryDesc},
}

// A drivenServer is a connection to a service whose handlers run the
// functions they are given.
type drivenServer struct {
	conn    transport.Conn
	streams chan *drivenHandler // the next one to be opened
}

// A drivenHandler is the handler's end of a stream. It runs the functions
// that it receives until the channel is closed, and then returns result.
type drivenHandler struct {
	orders  chan func(*serverEnd)
	context chan context.Context // the handler's, once it runs
	result  error
}

func openDrivenServer(f *testing.F, tr transport.Transport) *drivenServer {
	p := &drivenServer{streams: make(chan *drivenHandler, 1)}
	handle := func(end *serverEnd) error {
		self := <-p.streams
		self.context <- end.Context()
		for order := range self.orders {
			order(end)
		}
		return self.result
	}
	svc := &service{bidi: handle, clientStream: handle, serverStream: handle}
	conn, err := tr.Open(context.Background(), transport.ServerConfig{Register: svc.register})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := conn.Close(); err != nil {
			f.Error(err)
		}
	})
	p.conn = conn
	return p
}

// scriptTimeout bounds a script. The testing package gives up after 10
// seconds, without naming the script.
const scriptTimeout = 5 * time.Second

// run runs a script and returns the results.
func (p *drivenServer) run(t *testing.T, script []byte) []string {
	ctx, cancel := context.WithTimeout(context.Background(), scriptTimeout)
	defer cancel()
	kind := kinds[0]
	if len(script) > 0 {
		kind = kinds[int(script[0])%len(kinds)]
		script = script[1:]
	}
	self := &drivenHandler{orders: make(chan func(*serverEnd)), context: make(chan context.Context, 1)}
	p.streams <- self
	rec := &recorder{T: t, conn: p.conn}
	stream := rec.stream(ctx, kind.client, kind.method)
	if stream == nil {
		t.Fatal(rec.transcript.Client)
	}
	d := &streamModel{
		recorder: rec, stream: stream, drivenHandler: self, cancel: cancel,
		handler: wait(t, self.context),
		server:  kind.server, client: kind.client,
	}
	for _, b := range script {
		if d.clientEnded {
			break
		}
		d.step(b)
	}
	d.finish(ctx)
	return rec.transcript.Client
}

// A streamModel runs a script. It models as much of the stream's state as it
// needs to decide which operations have a definite result.
type streamModel struct {
	*recorder
	stream         *clientEnd
	drivenHandler  *drivenHandler
	cancel         context.CancelFunc
	handler        context.Context
	server, client *grpc.StreamDesc

	requests, responses   int // unread messages
	requestBytes          int // unread
	responseBytes         int
	sentLast              bool // by the client
	headerSet             bool // will be sent with the status
	headerSent, headerGot bool
	returned              bool // the handler has returned, or one of its operations has failed
	endKnown              bool // the client has read to the end
	clientEnded           bool // the client has cancelled or failed
	released              bool // the handler may return
}

// maxUnread is the number of unread bytes above which send operations are
// skipped, since the sender might wait.
const maxUnread = 32 << 10

// step runs operation b if it has a definite result now. The low bits are the
// operation, the high bits the size of the message.
func (d *streamModel) step(b byte) {
	size := []int{0, 1, 100, 5000}[b>>6]
	switch b & 15 {
	case 0, 1:
		d.clientSend(size)
	case 2:
		d.clientReceive()
	case 3:
		if d.headerSent || d.returned {
			d.stream.header()
			d.headerGot = true
			d.endKnown = d.endKnown || !d.headerSent
		}
	case 4:
		if d.endKnown {
			d.stream.trailer()
		}
	case 5:
		d.stream.closeSend()
		d.sentLast = true
	case 6:
		if d.settled() {
			d.clientSaw("cancel")
			d.endClient()
		}
	case 8, 9:
		d.serverSend(size)
	case 10:
		d.serverReceive()
	case 11, 12, 13, 7:
		d.serverMetadata(b & 15)
	case 14:
		d.serverReturn(nil)
	case 15:
		d.serverReturn(errTold)
	}
}

// settled reports whether nothing is in flight to the client that it might
// miss if the stream ended now.
func (d *streamModel) settled() bool {
	return d.responses == 0 && (d.headerGot || !d.headerSent) && (!d.returned || d.endKnown)
}

func (d *streamModel) clientSend(size int) {
	switch {
	case d.sentLast && !d.settled(), d.returned && !d.endKnown, d.requestBytes > maxUnread:
		return
	}
	err := d.stream.send(text(size))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		d.endClient()
	case err == nil && !d.endKnown:
		d.requests++
		d.requestBytes += size + 10
		d.sentLast = d.sentLast || !d.client.ClientStreams
	}
}

func (d *streamModel) clientReceive() {
	due := 1 // the number of events that RecvMsg waits for
	if !d.client.ServerStreams {
		due = 2 // or the status
	}
	if d.responses < due && !d.returned {
		return
	}
	err := d.stream.recv()
	d.headerGot = d.headerGot || d.headerSent
	switch {
	case err != nil && d.responses >= due:
		// This is a second response where one is expected. The rest is not
		// defined, since grpc-go leaves such a stream open.
		d.endClient()
	case err != nil || due == 2:
		d.endKnown, d.responses = true, 0
	default:
		d.responses--
		if d.responses == 0 {
			d.responseBytes = 0
		}
	}
}

// endClient ends the script, since the client has ended the stream.
func (d *streamModel) endClient() {
	d.clientEnded = true
	d.cancel()
}

// onServer runs f in the handler and waits for it.
func (d *streamModel) onServer(f func(*serverEnd)) {
	done := make(chan struct{})
	d.drivenHandler.orders <- func(end *serverEnd) {
		defer close(done)
		f(end)
	}
	select {
	case <-done:
	case <-time.After(scriptTimeout):
		buf := make([]byte, 1<<20)
		d.Fatalf("the handler hangs after %q\n%s", d.transcript.Client, buf[:runtime.Stack(buf, true)])
	}
}

func (d *streamModel) serverSend(size int) {
	if d.returned || d.responseBytes > maxUnread {
		return
	}
	d.onServer(func(end *serverEnd) {
		d.clientSaw("server sends: %s", outcome(end.send(text(size))))
	})
	d.headerSent = true
	d.responses++
	d.responseBytes += size + 10
}

func (d *streamModel) serverReceive() {
	if d.returned {
		return
	}
	if d.server.ClientStreams {
		if d.requests == 0 && !d.sentLast {
			return
		}
	} else if !d.sentLast && d.requests < 2 {
		return
	}
	d.onServer(func(end *serverEnd) {
		in, err := end.recv()
		d.clientSaw("server receives %s: %s", brief(in), outcome(err))
		if err != nil && !errors.Is(err, io.EOF) {
			d.serverEnds()
		}
	})
	if d.requests > 0 {
		d.requests--
	}
	if d.requests == 0 {
		d.requestBytes = 0
	}
}

func (d *streamModel) serverMetadata(op byte) {
	if d.returned {
		return
	}
	word := map[byte]string{7: "send-nil", 11: "set-header", 12: "send-header", 13: "set-trailer"}[op]
	d.onServer(func(end *serverEnd) {
		d.clientSaw("server %s: %s", word, outcome(streamStep(end, word)))
	})
	d.headerSet = d.headerSet || op == 11
	d.headerSent = d.headerSent || op == 7 || op == 12
}

// serverEnds records that the status has been sent.
func (d *streamModel) serverEnds() {
	d.returned = true
	d.headerSent = d.headerSent || d.headerSet
}

func (d *streamModel) serverReturn(err error) {
	if d.returned {
		return
	}
	d.clientSaw("server returns %s", outcome(err))
	d.serverEnds()
	d.drivenHandler.result = err
	d.releaseHandler()
}

// releaseHandler makes the handler return.
func (d *streamModel) releaseHandler() {
	if !d.released {
		d.released = true
		close(d.drivenHandler.orders)
	}
}

// finish completes the stream after the last operation of the script.
func (d *streamModel) finish(ctx context.Context) {
	if !d.clientEnded {
		d.serverReturn(errTold)
	}
	for !d.clientEnded && !d.endKnown {
		d.clientReceive()
	}
	if d.clientEnded {
		select {
		case <-d.handler.Done():
			d.clientSaw("the handler's context has ended")
		case <-time.After(scriptTimeout):
			d.Error("the handler's context has not ended")
		}
	} else {
		d.stream.header()
		d.stream.trailer()
		_ = d.stream.recv()
		d.clientSaw("late send: %s", outcome(d.stream.SendMsg(nil)))
	}
	d.releaseHandler()
	if ctx.Err() == context.DeadlineExceeded {
		d.Error("something hung")
	}
}

func text(size int) string { return fmt.Sprintf("%*s", size, "") }

func wait(t *testing.T, c <-chan context.Context) context.Context {
	select {
	case ctx := <-c:
		return ctx
	case <-time.After(scriptTimeout):
		buf := make([]byte, 1<<20)
		t.Fatalf("no handler\n%s", buf[:runtime.Stack(buf, true)])
		return nil
	}
}
