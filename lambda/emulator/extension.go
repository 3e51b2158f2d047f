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

// extension is an internal extension: part of the function's own process. Its
// fields belong to the process, under its mutex.
type extension struct {
	name    string
	invoke  bool          // subscribed to INVOKE
	ready   bool          // has called next
	waiting bool          // blocks in next
	events  [][]byte      // not yet fetched
	wake    chan struct{} // has room for one: there may be events
}

// announce tells an extension that asked for it that inv has begun.
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

// serveRegister registers an extension. Every one is internal, since nothing
// but the function's own process knows this server's address. Refusals are
// those of the Extensions API.
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
	answerJSON(w, id, map[string]string{
		"functionName": p.cfg.Name, "functionVersion": "$LATEST", "handler": "bootstrap",
	})
}

func answerJSON(w http.ResponseWriter, extensionID string, document any) {
	body, err := json.Marshal(document)
	if err != nil { // only documents of strings come here
		refuse(w, http.StatusInternalServerError, "InternalServerError", err.Error())
		return
	}
	w.Header().Set(headerExtensionID, extensionID)
	answer(w, http.StatusOK, body)
}

// register adds an extension, or says with what type of error it cannot be.
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

// serveExtensionNext answers with the extension's next event. One that has
// subscribed to none waits here for ever.
func (p *process) serveExtensionNext(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(headerExtensionID)
	if id == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "no extension identifier")
		return
	}
	e := p.extensionArrives(id)
	if e == nil {
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "unknown extension "+id)
		return
	}
	for {
		if event := p.extensionEvent(e); event != nil {
			w.Header().Set(headerExtensionID, id)
			answer(w, http.StatusOK, event)
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

// extensionArrives notes that an extension called next, which is its part of
// init; nil if there is none of this id.
func (p *process) extensionArrives(id string) *extension {
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

// extensionEvent takes the oldest event that the extension has not seen.
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
