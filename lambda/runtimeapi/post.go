package runtimeapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Lambda's limits for the responses of functions, in bytes.
const (
	// maxResponseBytes is the maximum size of a buffered response.
	maxResponseBytes = 6_291_556
	// maxStreamBytes is the maximum size of a streamed response.
	maxStreamBytes = 200 << 20
)

const (
	contentTypeJSON  = "application/json"
	contentTypeBytes = "application/octet-stream"

	headerErrorType    = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody    = "Lambda-Runtime-Function-Error-Body"
	headerXRayCause    = "Lambda-Runtime-Function-Xray-Error-Cause"
	headerResponseMode = "Lambda-Runtime-Function-Response-Mode"
)

// postResponse posts a buffered response.
func (w *worker) postResponse(inv *invocation, contentType string, body []byte) error {
	if len(body) > maxResponseBytes {
		return w.postFailure(inv, errTooLong(maxResponseBytes))
	}
	return w.post(inv, "response", body, func(c *conn) { c.header("Content-Type", contentType) })
}

// postFailure reports and logs that the invocation failed.
func (w *worker) postFailure(inv *invocation, f *failure) error {
	body, cause := f.document(), f.cause()
	w.client.logFailure(inv, f)
	err := w.post(inv, "error", body, func(c *conn) {
		c.header("Content-Type", contentTypeJSON)
		c.header(headerErrorType, f.headerType())
		if cause != "" {
			c.header(headerXRayCause, cause)
		}
	})
	return errors.Join(err, w.client.exit(f))
}

// exit returns the error that ends Serve after a failure, or nil.
func (c *Client) exit(f *failure) error {
	if f == nil {
		return nil
	}
	if f.ShouldExit || f.panicked && c.cfg.ExitOnPanic {
		return errHandlerPanicked
	}
	return nil
}

func (c *Client) logFailure(inv *invocation, f *failure) {
	message := "runtimeapi: the invocation failed"
	if f.panicked {
		message = "runtimeapi: the handler panicked"
	}
	args := []any{"requestId", inv.id, "error_type", f.Type, "error", f.Message}
	if len(f.StackTrace) > 0 {
		args = append(args, "stack", f.StackTrace)
	}
	c.log.Error(message, args...)
}

// post posts a response of known length. It posts the response a second time, over
// a new connection, if no reply came on the first, which a freeze may have broken.
// The error is nil or a StatusError. Any other failure concerns only this
// invocation. The worker then asks for the next one, which shows whether the API
// can be reached.
func (w *worker) post(inv *invocation, call string, body []byte, headers func(*conn)) error {
	var err error
	for range 2 {
		if err = w.connect(); err != nil {
			continue
		}
		c := w.conn
		c.begin(http.MethodPost, inv.path(call))
		headers(c)
		c.bound(time.Now().Add(w.client.timing.reply))
		if err = c.post(body); err != nil {
			c.bound(time.Now().Add(w.client.timing.late)) // a reply has been sent, or never will be
		}
		if replied := w.takeReply(inv, call); replied == nil || isStatus(replied) {
			return replied
		} else if err == nil {
			err = replied
		}
		again := !c.began
		w.hangUp()
		if !again {
			break
		}
	}
	w.client.logLost(inv, call, err)
	return nil
}

// logLost logs that posting a response failed with err.
func (c *Client) logLost(inv *invocation, call string, err error) {
	c.log.Error("runtimeapi: posting a response failed", "requestId", inv.id, "call", call, "error", err)
}

// takeReply reads the API's reply to a posted response. The package comment has a
// table of the statuses.
func (w *worker) takeReply(inv *invocation, call string) error {
	resp, err := w.conn.receive()
	if errors.Is(err, os.ErrDeadlineExceeded) && !w.conn.began {
		// The deadline may have passed during a freeze; a reply in that time counts.
		w.conn.bound(time.Now().Add(w.client.timing.late))
		resp, err = w.conn.receive()
	}
	if err != nil {
		return err
	}
	if resp.code < 300 {
		var scratch [512]byte
		if _, err := w.conn.readBody(resp, scratch[:0], maxReplyBytes); err != nil {
			w.hangUp()
		}
		return nil
	}
	refused := w.statusError("POST "+call, resp)
	switch resp.code {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		w.client.log.Warn("runtimeapi: the API refused a response",
			"requestId", inv.id, "call", call, "status", resp.status, "reason", refused.Message)
		return nil
	}
	return refused
}

// respondStream calls the handler and posts its response while reading it.
func (w *worker) respondStream(inv *invocation, handler StreamFunc) error {
	var r io.Reader
	contentType, size := contentTypeBytes, -1
	failure := w.protect(func() (err error) {
		if r, err = handler(inv.ctx, w.payload); err != nil {
			return err
		}
		if r == nil {
			return errors.New("the handler returned neither a reader nor an error")
		}
		if typed, ok := r.(interface{ ContentType() string }); ok {
			contentType = typed.ContentType()
		}
		if !isFieldValue(contentType) {
			return errors.New("the content type of the answer has control characters")
		}
		if sized, ok := r.(interface{ Len() int }); ok {
			size = sized.Len()
		}
		return nil
	})
	if closer, ok := r.(io.Closer); ok {
		defer w.closeReader(inv, closer)
	}
	if failure != nil {
		return w.postFailure(inv, failure)
	}
	if size < 0 || size > maxResponseBytes {
		return w.postStream(inv, contentType, r)
	}
	body := make([]byte, size)
	if failure := w.protect(func() error { _, err := io.ReadFull(r, body); return err }); failure != nil {
		return w.postFailure(inv, failure)
	}
	return w.postResponse(inv, contentType, body)
}

func (w *worker) closeReader(inv *invocation, closer io.Closer) {
	if failure := w.protect(closer.Close); failure != nil {
		w.client.logFailure(inv, failure)
	}
}
