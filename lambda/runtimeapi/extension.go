package runtimeapi

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
)

const (
	headerExtensionName = "Lambda-Extension-Name"
	headerExtensionID   = "Lambda-Extension-Identifier"

	extensionName = "lambda-grpc-gateway"
)

// extension is an internal extension that subscribes to no events. Lambda sends
// SIGTERM to an environment that has an extension.
type extension struct {
	address    string
	timing     timing
	registered chan error // receives one value

	mu     sync.Mutex
	conn   *conn
	closed bool
}

func newExtension(address string, timing timing) *extension {
	return &extension{address: address, timing: timing, registered: make(chan error, 1)}
}

// register registers the extension and asks for its next event, which never
// comes. It has no time limit, since an extension that is registered late must
// ask for an event too.
func (e *extension) register() { e.registered <- e.tryRegister() }

func (e *extension) tryRegister() error {
	c, err := dial(e.address, e.timing)
	if err != nil {
		return err
	}
	if !e.open(c) {
		return errors.New("the client is closed")
	}
	c.begin(http.MethodPost, extensionPath+"register")
	c.header(headerExtensionName, extensionName)
	c.header("Content-Type", contentTypeJSON)
	if err := c.post([]byte(`{"events":[]}`)); err != nil {
		return err
	}
	resp, err := c.receive()
	if err != nil {
		return err
	}
	body, err := c.readBody(resp, nil, maxReplyBytes)
	if resp.code != http.StatusOK {
		return fmt.Errorf("the API answered %s %q", resp.status, body)
	}
	if err != nil {
		return err
	}
	id := resp.get(headerExtensionID)
	if id == "" {
		return errors.New("the API's response has no " + headerExtensionID)
	}
	c.begin(http.MethodGet, extensionPath+"event/next")
	c.header(headerExtensionID, id)
	return c.get()
}

// open stores the connection for close. If close has been called, open closes the
// connection and reports false.
func (e *extension) open(c *conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		_ = c.Close() // unused
		return false
	}
	e.conn = c
	return true
}

func (e *extension) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.conn != nil {
		_ = e.conn.Close() // nothing is outstanding
	}
}
