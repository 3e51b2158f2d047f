package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// tenant is the tenant ID of every invocation.
const tenant = "acme"

// answers is an Invoker that passes events to a function and keeps the last
// response. If tamper is set, it changes each event first.
type answers struct {
	*emulator.Function
	tamper func(event map[string]any)
	mu     sync.Mutex
	last   []byte
}

// Do implements emulator.Invoker.
func (a *answers) Do(ctx context.Context, r emulator.Request) (emulator.Response, error) {
	r, err := a.change(r)
	if err != nil {
		return emulator.Response{}, err
	}
	response, err := a.Function.Do(ctx, r)
	a.keep(response.Payload)
	return response, err
}

// Stream implements emulator.Invoker.
func (a *answers) Stream(ctx context.Context, r emulator.Request) (*emulator.Stream, error) {
	r, err := a.change(r)
	if err != nil {
		return nil, err
	}
	stream, err := a.Function.Stream(ctx, r)
	if err == nil {
		a.keep(stream.Prelude)
	}
	return stream, err
}

func (a *answers) keep(answer []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = answer
}

func (a *answers) change(r emulator.Request) (emulator.Request, error) {
	r.TenantID = tenant
	if a.tamper == nil {
		return r, nil
	}
	var event map[string]any
	if err := json.Unmarshal(r.Payload, &event); err != nil {
		return r, err
	}
	a.tamper(event)
	var err error
	r.Payload, err = json.Marshal(event)
	return r, err
}

// any reports whether the function has returned a response.
func (a *answers) any() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last != nil
}

// fields returns the fields of the function's last response.
func (a *answers) fields() (map[string]json.RawMessage, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var fields map[string]json.RawMessage
	err := json.Unmarshal(a.last, &fields)
	return fields, err
}

// header returns the headers of the function's last response.
func (a *answers) header() (http.Header, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var fields struct {
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Cookies           []string            `json:"cookies"`
	}
	if err := json.Unmarshal(a.last, &fields); err != nil {
		return nil, errors.New("there is no answer")
	}
	header := make(http.Header)
	for name, value := range fields.Headers {
		header[name] = append(header[name], value)
	}
	for name, values := range fields.MultiValueHeaders {
		header[name] = append(header[name], values...)
	}
	header["Set-Cookie"] = append(header["Set-Cookie"], fields.Cookies...)
	return header, nil
}
