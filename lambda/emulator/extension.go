package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
)

const (
	headerExtensionName = "Lambda-Extension-Name"
	headerExtensionID   = "Lambda-Extension-Identifier"
	maxExtensions       = 10
)

// extension is an internal extension, which runs in the function's own process.
// The mutex of that process guards its fields.
type extension struct {
	name    string
	invoke  bool          // subscribed to INVOKE
	ready   bool          // has called next
	waiting bool          // blocks in next
	events  [][]byte      // not yet fetched
	wake    chan struct{} // says that there may be events; buffered, holds one
}

// announce sends the extension an INVOKE event for inv if it subscribed to them.
func (e *extension) announce(cfg Config, inv *invocation) {
	if !e.invoke {
		return
	}
	event, err := json.Marshal(map[string]any{
		"eventType":          "INVOKE",
		"deadlineMs":         inv.deadline.UnixMilli(),
		"requestId":          inv.id,
		"invokedFunctionArn": cfg.arn(),
		"tracing":            map[string]string{"type": "X-Amzn-Trace-Id", "value": inv.request.TraceID},
	})
	if err != nil { // strings and a number always encode
		return
	}
	e.events = append(e.events, event)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// serveRegister registers an extension. Every extension is internal, because
// only the function's own process knows this server's address. Errors are those
// of the Extensions API.
func (p *process) serveRegister(w http.ResponseWriter, r *http.Request) {
	switch p.cfg.Extensions {
	case ExtensionsRefused:
		refuse(w, http.StatusForbidden, "Extension.TooManyExtensions", "no extension may be registered")
		return
	case ExtensionsHang:
		select {
		case <-r.Context().Done():
		case <-p.ending:
		}
		return
	}
	var request struct {
		Events []string `json:"events"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	e := &extension{name: r.Header.Get(headerExtensionName), wake: make(chan struct{}, 1)}
	for _, event := range request.Events {
		switch event {
		case "INVOKE":
			e.invoke = true
		case "SHUTDOWN":
			refuse(w, http.StatusForbidden, "Extension.InvalidEventType",
				"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
			return
		default:
			refuse(w, http.StatusForbidden, "Extension.InvalidEventType", event+": ErrorInvalidEventType")
			return
		}
	}
	id, errorType := p.register(e)
	if errorType != "" {
		refuse(w, http.StatusForbidden, errorType, "cannot register extension "+e.name)
		return
	}
	writeRegistration(w, id, map[string]string{
		"functionName": p.cfg.Name, "functionVersion": "$LATEST", "handler": "bootstrap",
	})
}

func writeRegistration(w http.ResponseWriter, extensionID string, document any) {
	body, err := json.Marshal(document)
	if err != nil { // strings always encode
		refuse(w, http.StatusInternalServerError, "InternalServerError", err.Error())
		return
	}
	w.Header().Set(headerExtensionID, extensionID)
	respond(w, http.StatusOK, body)
}

// register adds an extension and returns its ID, or the type of error that
// prevents it.
func (p *process) register(e *extension) (id, errorType string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.TrimSpace(e.name) == "" {
		return "", "Extension.InvalidExtensionName"
	}
	if !p.stats.FirstNext.IsZero() {
		return "", "Extension.RegistrationClosed"
	}
	if len(p.extensions) == maxExtensions {
		return "", "Extension.TooManyExtensions"
	}
	for _, other := range p.extensions {
		if other.name == e.name {
			return "", "Extension.AlreadyRegistered"
		}
	}
	id = awsid.UUID()
	p.extensions[id] = e
	return id, ""
}

// serveExtensionNext responds with the extension's next event. For an extension
// without subscriptions, the call never returns.
func (p *process) serveExtensionNext(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(headerExtensionID)
	if id == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "no extension identifier")
		return
	}
	e := p.beginExtensionNext(id)
	if e == nil {
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "unknown extension "+id)
		return
	}
	for {
		if event := p.extensionEvent(e); event != nil {
			w.Header().Set(headerExtensionID, id)
			respond(w, http.StatusOK, event)
			return
		}
		select {
		case <-e.wake:
		case <-r.Context().Done():
			return
		case <-p.ending:
			return
		}
	}
}

// beginExtensionNext records that an extension asked for an event, which
// completes its part of init. It returns nil if the ID is unknown.
func (p *process) beginExtensionNext(id string) *extension {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.extensions[id]
	if e == nil {
		return nil
	}
	e.ready, e.waiting = true, true
	p.completeInit()
	p.freezeIdle()
	return e
}

// extensionEvent removes and returns the oldest event that the extension has not
// received, or nil.
func (p *process) extensionEvent(e *extension) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(e.events) == 0 {
		return nil
	}
	event := e.events[0]
	e.events = e.events[1:]
	e.waiting = false
	return event
}
