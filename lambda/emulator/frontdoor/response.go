package frontdoor

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
)

// outgoing is the function's response as HTTP.
type outgoing struct {
	status int
	header http.Header
	body   []byte
}

// fields are the fields of a function's response for all sources. A source
// ignores an unknown field or treats the whole response as malformed.
type fields struct {
	StatusCode        json.RawMessage     `json:"statusCode"`
	Headers           map[string]scalar   `json:"headers"`
	MultiValueHeaders map[string][]scalar `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// scalar is a header value: a string, or a number or boolean that the sources
// convert to a string.
type scalar string

func (s *scalar) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		return json.Unmarshal(b, (*string)(s))
	case '{', '[':
		return errors.New("header value is neither string, number nor boolean")
	case 'n':
		return nil
	}
	*s = scalar(b)
	return nil
}

// strictFields are the fields of payload 1.0. A response with any other field is
// malformed.
var strictFields = [...]string{"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}

// decode decodes a buffered response.
func (d *door) decode(payload []byte, in *incoming) (outgoing, error) {
	if (d.source == ALB || d.source == ALBMulti) && len(payload) > 1<<20 {
		return outgoing{}, errors.New("response exceeds the 1 MB that a load balancer accepts")
	}
	if d.isLattice() && len(payload) > 6<<20 {
		return outgoing{}, errors.New("response exceeds the 6 MB that VPC Lattice accepts")
	}
	if !json.Valid(payload) {
		return outgoing{}, errors.New("response is not JSON")
	}
	if d.source == HTTPAPI || d.source == FunctionURL {
		if inferred(payload) {
			return outgoing{
				status: http.StatusOK,
				header: http.Header{"Content-Type": {"application/json"}},
				body:   payload,
			}, nil
		}
	}
	f, err := d.parse(payload)
	if err != nil {
		return outgoing{}, err
	}
	out := outgoing{header: d.outgoingHeader(f)}
	if out.status, err = statusCode(f.StatusCode); err != nil {
		return outgoing{}, err
	}
	out.body = []byte(f.Body)
	if f.IsBase64Encoded && d.decodesBase64(in, out.header) {
		if out.body, err = base64.StdEncoding.DecodeString(f.Body); err != nil {
			return outgoing{}, fmt.Errorf("body is not base64: %w", err)
		}
	}
	return out, nil
}

// inferred reports whether payload 2.0 treats the whole response as the body,
// because it is JSON without a status code.
func inferred(payload []byte) bool {
	var f map[string]json.RawMessage
	if json.Unmarshal(payload, &f) != nil {
		return true // not an object
	}
	return f["statusCode"] == nil
}

func (d *door) parse(payload []byte) (fields, error) {
	var f fields
	if d.source == RESTAPI || d.source == HTTPAPIv1 {
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(payload, &keys); err != nil {
			return f, fmt.Errorf("response is not an object: %w", err)
		}
		for _, known := range strictFields {
			delete(keys, known)
		}
		for key := range keys {
			return f, fmt.Errorf("response has the field %q, which payload 1.0 does not allow", key)
		}
	}
	if err := json.Unmarshal(payload, &f); err != nil {
		return f, fmt.Errorf("response does not have the source's format: %w", err)
	}
	return f, nil
}

// statusCode reads a status code, which may be a number or its digits in a
// string.
func statusCode(raw json.RawMessage) (int, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return 0, errors.New("response has no statusCode")
	}
	status, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	if err != nil || status < 200 || status > 599 {
		return 0, fmt.Errorf("statusCode is %s", raw)
	}
	return status, nil
}

// decodesBase64 reports whether the source decodes a body marked as base64. A
// REST API does so if the first type that the client accepts is binary (API
// Gateway developer guide, "Binary media types for REST APIs").
func (d *door) decodesBase64(in *incoming, header http.Header) bool {
	if d.source != RESTAPI {
		return true
	}
	accept, _, _ := strings.Cut(in.Header.Get("Accept"), ",")
	if accept == "" {
		accept = header.Get("Content-Type")
	}
	return matchesMediaType(d.binaryTypes, strings.TrimSpace(accept))
}

// outgoingHeader returns the headers from the fields that the source reads. Names
// that differ in case are different JSON keys. A function can therefore send a
// header several times without multiValueHeaders, as it must for cookies.
func (d *door) outgoingHeader(f fields) http.Header {
	h := make(http.Header)
	if d.source != ALBMulti {
		for _, name := range slices.Sorted(maps.Keys(f.Headers)) {
			h.Add(name, string(f.Headers[name]))
		}
	}
	if d.source == RESTAPI || d.source == HTTPAPIv1 || d.source == ALBMulti {
		for name, values := range f.MultiValueHeaders {
			h.Del(name) // multiValueHeaders wins over headers
			for _, value := range values {
				h.Add(name, string(value))
			}
		}
	}
	if d.source == HTTPAPI || d.source == FunctionURL || d.streaming {
		for _, cookie := range f.Cookies {
			h.Add("Set-Cookie", cookie)
		}
	}
	return h
}

// decodePrelude decodes the prelude of a streamed response. Without a prelude, a
// function URL passes the whole response as bytes, and a REST API treats it as
// malformed.
func (d *door) decodePrelude(s *emulator.Stream) (outgoing, error) {
	if s.Prelude == nil {
		if d.source == FunctionURL && s.ContentType != emulator.StreamContentType {
			return outgoing{status: http.StatusOK, header: http.Header{"Content-Type": {"application/octet-stream"}}}, nil
		}
		_, _ = io.CopyN(io.Discard, s.Body, emulator.MaxPreludeBytes)
		return outgoing{}, errors.New("streamed response has no prelude")
	}
	var f fields
	if err := json.Unmarshal(s.Prelude, &f); err != nil {
		return outgoing{}, fmt.Errorf("prelude is not JSON: %w", err)
	}
	out := outgoing{status: http.StatusOK, header: d.outgoingHeader(f)}
	if f.StatusCode != nil {
		var err error
		if out.status, err = statusCode(f.StatusCode); err != nil {
			return outgoing{}, err
		}
	}
	return out, nil
}

// remapped are the response headers that REST APIs and function URLs pass under
// another name, because they set these headers themselves.
var remapped = [...]string{"Connection", "Content-Length", "Date", "Server", "Www-Authenticate"}

// respond writes status and headers as the source does.
func (d *door) respond(w http.ResponseWriter, out outgoing) {
	h := w.Header()
	if d.source == RESTAPI || d.source == FunctionURL {
		for _, name := range remapped {
			if values := out.header[name]; len(values) > 0 {
				out.header["X-Amzn-Remapped-"+name] = values
			}
		}
		out.header.Del("Date")
		out.header.Del("Server")
		out.header.Del("Www-Authenticate")
	}
	for _, name := range hopByHop {
		out.header.Del(name)
	}
	out.header.Del("Content-Length") // net/http sets it
	maps.Copy(h, out.header)
	if h["Content-Type"] == nil {
		switch d.source {
		case RESTAPI, FunctionURL:
			h.Set("Content-Type", "application/json")
		case HTTPAPI, HTTPAPIv1:
			h.Set("Content-Type", "text/plain; charset=utf-8")
		default:
			h["Content-Type"] = nil // prevents detection by net/http
		}
	}
	w.WriteHeader(out.status)
}
