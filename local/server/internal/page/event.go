package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/local/server/internal/record"
)

// Events says how the page turns calls into events.
type Events struct {
	// Door returns the front door of a source.
	Door func(emulator.Invoker, frontdoor.Source) (http.Handler, error)
	// Prefix returns the beginning of every URL path of a source.
	Prefix func(frontdoor.Source) string
	// Source is the source that the page shows first.
	Source frontdoor.Source
	// Function runs events. If it is nil, events are only shown.
	Function emulator.Invoker
}

// An event is the event that a call would be on Lambda.
type event struct {
	Text    string
	Problem string // why there is no event
	Note    string
}

// An answer is the function's response to an event.
type answer struct {
	StatusCode int
	Headers    []field
	Body       text
}

// errCaptured ends the invocation of an event that is only shown.
var errCaptured = errors.New("page: the event is only shown")

// capture is an Invoker that keeps the event and fails with errCaptured.
type capture struct{ event []byte }

func (c *capture) Do(_ context.Context, r emulator.Request) (emulator.Response, error) {
	c.event = bytes.Clone(r.Payload)
	return emulator.Response{}, errCaptured
}

func (c *capture) Stream(ctx context.Context, r emulator.Request) (*emulator.Stream, error) {
	_, err := c.Do(ctx, r)
	return nil, err
}

// sourceOf returns the source that the request names, or the default source.
func (p *page) sourceOf(r *http.Request) frontdoor.Source {
	source := frontdoor.Source(r.URL.Query().Get("source"))
	if slices.Contains(frontdoor.Sources(), source) {
		return source
	}
	return p.Events.Source
}

// event returns the event of a call, with secrets masked.
func (p *page) event(c record.Call, source frontdoor.Source) event {
	exchange, note, err := asHTTP(c)
	if err != nil {
		return event{Problem: err.Error()}
	}
	exchange.Header = maskHeader(exchange.Header)
	exchange.Target = maskTarget(exchange.Target)
	var kept capture
	answer, err := p.through(context.Background(), &kept, exchange, source)
	switch {
	case err != nil:
		return event{Problem: err.Error()}
	case kept.event == nil:
		return event{Problem: fmt.Sprintf("The source responds to this request itself, with status %d.", answer.status)}
	}
	return event{Text: indent(string(kept.event)), Note: note}
}

// asHTTP returns the HTTP request of a call and a note about it. For a call over
// gRPC, it returns the request of the same call over Connect.
func asHTTP(c record.Call) (record.Exchange, string, error) {
	if c.HTTP == nil || c.Protocol == record.GRPC {
		return overConnect(c)
	}
	if !c.HTTP.Body.Whole() {
		return record.Exchange{}, "", fmt.Errorf("the body has %s, of which only the first %d kB are kept", size(c.HTTP.Body.Size), record.MaxPart>>10)
	}
	if c.HTTP.Header[record.Cut] != nil || len(c.HTTP.Target) >= record.MaxPart {
		return record.Exchange{}, "", fmt.Errorf("the headers exceed the %d kB that are kept", record.MaxPart>>10)
	}
	return *c.HTTP, "", nil
}

func overConnect(c record.Call) (record.Exchange, string, error) {
	if c.Request.Count != 1 || len(c.Request.Data) != 1 || c.Response.Count > 1 {
		return record.Exchange{}, "", errors.New("no source supports gRPC, and only a unary call whose request is kept can become a Connect call")
	}
	m := c.Request.Type.New().Interface()
	if err := proto.Unmarshal(c.Request.Data[0], m); err != nil {
		return record.Exchange{}, "", err
	}
	body, problem := jsonOf(m)
	if problem != "" {
		return record.Exchange{}, "", errors.New(problem)
	}
	e := record.Exchange{
		Method: http.MethodPost, Target: c.Method, Host: "localhost", RemoteAddr: "127.0.0.1:1",
		Header: http.Header{"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}},
	}
	for key, values := range c.Metadata {
		if key != "content-type" && !strings.HasPrefix(key, ":") && !strings.HasPrefix(key, "grpc-") && !strings.HasPrefix(key, "x-lambda-") {
			e.Header[http.CanonicalHeaderKey(key)] = values
		}
	}
	e.Body.Data = []byte(compact(body))
	e.Body.Size = int64(len(e.Body.Data))
	return e, "No source supports gRPC: this is the same call over Connect.", nil
}

// through sends a request through the front door of a source.
func (p *page) through(ctx context.Context, fn emulator.Invoker, e record.Exchange, source frontdoor.Source) (*response, error) {
	door, err := p.Events.Door(fn, source)
	if err != nil {
		return nil, err
	}
	target := p.Events.Prefix(source) + strings.TrimPrefix(e.Target, p.Prefix)
	r, err := http.NewRequestWithContext(ctx, e.Method, "http://localhost", bytes.NewReader(e.Body.Data))
	if err != nil {
		return nil, err
	}
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		return nil, err
	}
	r.Host, r.RemoteAddr, r.RequestURI = e.Host, e.RemoteAddr, target
	r.Header = e.Header.Clone()
	w := &response{header: http.Header{}}
	w.serve(door, r)
	return w, nil
}

// sendCall sends a call through the function and shows both responses.
func (p *page) sendCall(w http.ResponseWriter, r *http.Request) {
	c, ok := p.find(w, r)
	if !ok {
		return
	}
	d := p.detail(c, p.sourceOf(r))
	if !d.CanSend {
		p.render(w, http.StatusConflict, "call", "Call", d)
		return
	}
	exchange, _, err := asHTTP(c)
	var sent *response
	if err == nil {
		sent, err = p.through(r.Context(), p.Events.Function, exchange, d.Source)
	}
	if err != nil {
		d.Event.Problem = err.Error()
		p.render(w, http.StatusBadGateway, "call", "Call", d)
		return
	}
	d.Sent = &answer{
		StatusCode: sent.status, Headers: fields(sent.header),
		Body: bodyText(sent.body, sent.header.Get("Content-Type")),
	}
	if !sent.whole {
		d.Sent.Body.Note += " The response was aborted."
	}
	p.render(w, http.StatusOK, "call", "Call", d)
}
