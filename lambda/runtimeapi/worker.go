package runtimeapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// worker takes one invocation after another over its own connection.
type worker struct {
	client  *Client
	handler Handler
	stopped <-chan struct{} // closed when Serve shuts down

	payload []byte      // of the current invocation, reused
	current *invocation // taken, without a response so far

	mu        sync.Mutex // guards writes of the fields below; stop and abandon use it too
	conn      *conn      // nil if it must be dialled
	idle      bool       // the worker waits for an event
	stopping  bool
	abandoned bool // Serve has returned
}

// start runs the worker on a new goroutine, and on another one whenever a handler
// calls runtime.Goexit. It sends the result to results.
func (w *worker) start(results chan<- error) {
	go func() {
		returned := false
		defer func() {
			if !returned {
				w.start(results)
			}
		}()
		err := w.run()
		returned = true
		results <- err
	}()
}

// run serves invocations until the shutdown or an error that ends Serve.
func (w *worker) run() error {
	if w.current != nil { // the handler called runtime.Goexit
		if err := w.recoverGoexit(); err != nil {
			return err
		}
	}
	for {
		inv, err := w.next()
		if err != nil || inv == nil {
			return err
		}
		w.current = inv
		err = w.serve(inv)
		w.current = nil
		inv.cancel()
		if err != nil {
			return err
		}
		if cap(w.payload) > keepBytes/w.client.cfg.Workers {
			w.payload = nil
		}
	}
}

// keepBytes limits the buffers that all workers together keep for their next
// events. It is enough for one of the largest events of the Invoke API.
const keepBytes = 8 << 20

// stop makes the worker return after the current invocation. A worker that is
// waiting for an invocation waits for timing.lastCall longer, since an event may be
// on its way.
func (w *worker) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = true
	if w.idle {
		_ = w.conn.SetReadDeadline(time.Now().Add(w.client.timing.lastCall)) // of an open connection
	}
}

// waits records that the worker waits for an event. It reports false if the worker
// must stop instead.
func (w *worker) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = !w.stopping
	return w.idle
}

// waited records that the worker no longer waits, and reports whether it must
// stop.
func (w *worker) waited() (stopping bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = false
	return w.stopping
}

// abandon closes the connection and prevents a new one.
func (w *worker) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.abandoned = true
	if w.conn != nil {
		_ = w.conn.Close() // nothing more can be done about it
	}
}

// connect ensures that there is a connection without unread data on it.
func (w *worker) connect() error {
	if w.conn != nil && !w.conn.broken && w.conn.r.Buffered() == 0 {
		return nil
	}
	w.hangUp()
	c, err := dial(w.client.cfg.Address, w.client.timing)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = c
	if w.abandoned {
		_ = c.Close() // a write then fails
	}
	return nil
}

// hangUp closes the connection.
func (w *worker) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.Close() // nothing is outstanding
		w.conn = nil
	}
}

// next asks for an invocation and returns nil at the shutdown. It repeats the call
// over a new connection if one is dead. The repetition is safe, since Lambda keeps
// an event whose transfer was interrupted.
func (w *worker) next() (*invocation, error) {
	redials := w.client.timing.redials
	for failures := 0; ; failures++ {
		began := time.Now()
		inv, err := w.askNext()
		if err == nil || isStatus(err) {
			return inv, err
		}
		w.hangUp()
		if w.waited() {
			return nil, nil
		}
		if time.Since(began) >= w.client.timing.steady {
			failures = 0
		}
		if failures == len(redials) {
			return nil, fmt.Errorf("runtimeapi: asking for an invocation: %w, %d times in a row", err, failures+1)
		}
		select {
		case <-w.stopped:
		case <-time.After(redials[failures]):
		}
	}
}

// askNext asks for an invocation once.
func (w *worker) askNext() (*invocation, error) {
	if err := w.connect(); err != nil {
		return nil, err
	}
	c := w.conn
	if !w.waits() {
		return nil, nil
	}
	c.begin(http.MethodGet, runtimePath+"invocation/next")
	if err := c.get(); err != nil {
		return nil, err
	}
	_, err := c.r.Peek(1)
	if w.waited() {
		if err != nil && !c.began {
			return nil, nil
		}
		c.bound(time.Now().Add(c.timing.message)) // replaces the deadline that stop has set
	}
	if err != nil {
		return nil, err
	}
	resp, err := c.receive()
	if err != nil {
		return nil, err
	}
	if resp.code != http.StatusOK {
		return nil, w.statusError("GET next", resp)
	}
	if resp.get(headerRequestID) == "" {
		w.hangUp()
		return nil, &StatusError{Call: "GET next", Status: resp.status, Message: "no " + headerRequestID}
	}
	w.payload, err = c.readBody(resp, w.payload[:0], maxEventBytes)
	if err != nil && !errors.Is(err, errTooLarge) {
		return nil, err
	}
	if err != nil {
		w.hangUp() // the rest of the event is still unread
	}
	return w.client.newInvocation(&resp, err), nil
}

// statusError returns the error for an unexpected response and reads its message.
func (w *worker) statusError(call string, resp response) *StatusError {
	e := &StatusError{Call: call, StatusCode: resp.code, Status: resp.status}
	body, err := w.conn.readBody(resp, nil, maxReplyBytes)
	if err != nil {
		w.hangUp()
	}
	const shown = 1 << 10
	e.Message = strings.ToValidUTF8(string(body[:min(len(body), shown)]), "?")
	return e
}

// A StatusError is a response of the Runtime API with a status that ends Serve.
type StatusError struct {
	Call       string // such as "GET next"
	StatusCode int    // 0 if the response was malformed
	Status     string // such as "403 Forbidden"
	Message    string // the beginning of the response's body
}

// Error returns a message with the call, the status and the Message.
func (e *StatusError) Error() string {
	return fmt.Sprintf("runtimeapi: %s: the API answered %s %q", e.Call, e.Status, e.Message)
}

// isStatus reports whether err is a StatusError.
func isStatus(err error) bool {
	_, ok := errors.AsType[*StatusError](err)
	return ok
}

// serve handles an invocation and then runs its after-functions.
func (w *worker) serve(inv *invocation) error {
	if w.client.cfg.Workers == 1 {
		// It fails only on a NUL byte, which parseResponse does not let through.
		_ = os.Setenv("_X_AMZN_TRACE_ID", inv.ctx.traceID)
	}
	err := w.respond(inv)
	w.runAfter(inv)
	return err
}

// respond calls the handler and posts its response. An error ends Serve.
func (w *worker) respond(inv *invocation) error {
	if inv.failure != nil {
		return w.postFailure(inv, inv.failure)
	}
	if stream, ok := w.handler.(StreamFunc); ok {
		return w.respondStream(inv, stream)
	}
	var out []byte
	failure := w.protect(func() (err error) {
		out, err = w.handler.Invoke(inv.ctx, w.payload)
		return err
	})
	if failure != nil {
		return w.postFailure(inv, failure)
	}
	return w.postResponse(inv, contentTypeBytes, out)
}

// recoverGoexit posts the failure of an invocation whose handler called
// runtime.Goexit.
func (w *worker) recoverGoexit() error {
	inv := w.current
	w.current = nil
	defer inv.cancel()
	defer w.runAfter(inv)
	if inv.streaming { // a part of the response is posted
		w.hangUp()
		w.client.logLost(inv, "response", errGoexit)
		return nil
	}
	return w.postFailure(inv, newFailure(errGoexit))
}

var errGoexit = errors.New("the handler ended its goroutine with runtime.Goexit")

// path returns the path of a call about the invocation.
func (inv *invocation) path(call string) string {
	return runtimePath + "invocation/" + url.PathEscape(inv.id) + "/" + call
}
