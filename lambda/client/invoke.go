package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// InvokeTransport returns an [http.RoundTripper] that sends each request directly
// to a function, as an event of a function URL (payload format 2.0). The function
// needs no HTTP endpoint. invoke calls Lambda's Invoke API with the event and
// returns the payload of the response. It returns an error if the call or the
// function fails.
//
// Requests and responses are limited to 6 MB, including base64 for binary bodies.
// Responses are not streamed. The host of the request's URL can be any name; the
// function sees it as the Host.
func InvokeTransport(invoke func(ctx context.Context, event []byte) (response []byte, err error)) http.RoundTripper {
	return invoker(invoke)
}

type invoker func(context.Context, []byte) ([]byte, error)

// invokeDomain is the domain name in the events. Functions detect the event of a
// function URL by the form of this name.
const invokeDomain = "invoke.lambda-url.local"

// eventV2 has the fields of payload format 2.0 that an HTTP request sets.
type eventV2 struct {
	Version        string            `json:"version"`
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Headers        map[string]string `json:"headers"`
	RequestContext contextV2         `json:"requestContext"`
	Body           string            `json:"body,omitempty"`
	IsBase64       bool              `json:"isBase64Encoded"`
}

type contextV2 struct {
	AccountID    string `json:"accountId"`
	APIID        string `json:"apiId"`
	DomainName   string `json:"domainName"`
	DomainPrefix string `json:"domainPrefix"`
	RequestID    string `json:"requestId"`
	RouteKey     string `json:"routeKey"`
	Stage        string `json:"stage"`
	Time         string `json:"time"`
	TimeEpoch    int64  `json:"timeEpoch"`
	HTTP         httpV2 `json:"http"`
}

type httpV2 struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// responseV2 is the function's response in payload format 2.0.
type responseV2 struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64          bool                `json:"isBase64Encoded"`

	ErrorType    string `json:"errorType"` // of a function that failed
	ErrorMessage string `json:"errorMessage"`
}

// RoundTrip implements [http.RoundTripper].
func (invoke invoker) RoundTrip(r *http.Request) (*http.Response, error) {
	event, err := newEvent(r)
	if err != nil {
		return nil, err
	}
	payload, err := invoke(r.Context(), event)
	if err != nil {
		return nil, fmt.Errorf("client: invoking: %w", err)
	}
	return readAnswer(r, payload)
}

func newEvent(r *http.Request) ([]byte, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	headers := map[string]string{"host": host}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	path, now := r.URL.EscapedPath(), time.Now().UTC()
	if path == "" {
		path = "/"
	}
	event := eventV2{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: r.URL.RawQuery, Headers: headers,
		RequestContext: contextV2{
			DomainName: invokeDomain, DomainPrefix: "invoke", RouteKey: "$default", Stage: "$default",
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: httpV2{Method: r.Method, Path: path, Protocol: "HTTP/1.1", UserAgent: r.UserAgent()},
		},
	}
	if len(body) > 0 {
		event.Body, event.IsBase64 = base64.StdEncoding.EncodeToString(body), true
	}
	return json.Marshal(event)
}

func readAnswer(r *http.Request, payload []byte) (*http.Response, error) {
	var a responseV2
	if err := json.Unmarshal(payload, &a); err != nil {
		return nil, fmt.Errorf("client: the function's response is not an HTTP response: %w", err)
	}
	if a.StatusCode == 0 && (a.ErrorType != "" || a.ErrorMessage != "") {
		return nil, fmt.Errorf("client: the function failed: %s: %s", a.ErrorType, a.ErrorMessage)
	}
	if a.StatusCode < 100 || a.StatusCode > 999 {
		return nil, errors.New("client: the function's response is not an HTTP response: it has no statusCode")
	}
	body := a.Body
	if a.IsBase64 {
		decoded, err := base64.StdEncoding.DecodeString(a.Body)
		if err != nil {
			return nil, fmt.Errorf("client: the body of the function's response: %w", err)
		}
		body = string(decoded)
	}
	header := make(http.Header, len(a.Headers))
	for name, values := range a.MultiValueHeaders {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	for name, value := range a.Headers {
		header.Set(name, value)
	}
	for _, cookie := range a.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode)),
		StatusCode: a.StatusCode,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}
