package frontdoor

import (
	"net/http"
	"strings"
)

// payloadV2Event is payload format 2.0: API Gateway developer guide, "Create AWS
// Lambda proxy integrations for HTTP APIs", and Lambda developer guide, "Invoking
// Lambda function URLs".
type payloadV2Event struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext  contextV2         `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type contextV2 struct {
	AccountID    string        `json:"accountId"`
	APIID        string        `json:"apiId"`
	Authorizer   *authorizerV2 `json:"authorizer,omitempty"`
	DomainName   string        `json:"domainName"`
	DomainPrefix string        `json:"domainPrefix"`
	HTTP         httpContext   `json:"http"`
	RequestID    string        `json:"requestId"`
	RouteKey     string        `json:"routeKey"`
	Stage        string        `json:"stage"`
	Time         string        `json:"time"`
	TimeEpoch    int64         `json:"timeEpoch"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// payloadV2 returns the event of an HTTP API or a function URL. An HTTP API
// decodes the path, removes a base path and adds a named stage. A function URL
// passes the path as the client sent it. Both pass cookies in a field of their
// own; a function URL also passes them in the headers.
func (d *door) payloadV2(in *incoming) payloadV2Event {
	headers := withoutHopByHop(in.headers("https", "443"))
	e := payloadV2Event{
		Version:        "2.0",
		RouteKey:       "$default",
		RawQueryString: in.URL.RawQuery,
		Cookies:        cookies(headers),
		Query:          joinedValues(queryFields(in.URL.RawQuery, true)),
		RequestContext: d.contextV2(in),
	}
	if d.source == HTTPAPI {
		headers.Del("Cookie")
		e.RawPath = decodedPath(in.path)
		if d.stage != "$default" {
			e.RawPath = "/" + d.stage + e.RawPath
		}
		e.RequestContext.HTTP.Path = e.RawPath
	} else {
		e.RawPath = in.path
		e.RequestContext.HTTP.Path = decodedPath(in.path)
	}
	if c := headers["Cookie"]; len(c) > 0 {
		headers["Cookie"] = []string{strings.Join(c, "; ")}
	}
	e.Headers = joinedValues(lowerCase(headers))
	if len(in.body) > 0 {
		e.IsBase64Encoded = d.inBase64(in)
		e.Body = bodyField(in.body, e.IsBase64Encoded)
	}
	return e
}

func (d *door) contextV2(in *incoming) contextV2 {
	c := contextV2{
		AccountID:    d.accountID,
		APIID:        d.apiID,
		Authorizer:   in.authorized.payloadV2(),
		DomainName:   d.domain(),
		DomainPrefix: d.apiID,
		HTTP:         httpContext{Method: in.Method, Protocol: in.Proto, SourceIP: in.clientIP, UserAgent: in.UserAgent()},
		RequestID:    shortRequestID(),
		RouteKey:     "$default",
		Stage:        d.stage,
		Time:         in.received.UTC().Format(clfTime),
		TimeEpoch:    in.received.UnixMilli(),
	}
	if d.source == FunctionURL {
		c.AccountID = "anonymous" // unless IAM identifies the caller
		if in.authorized.IAM != nil {
			c.AccountID = in.authorized.IAM.AccountID
			c.Authorizer = &authorizerV2{IAM: in.authorized.IAM}
		} else {
			c.Authorizer = nil
		}
		c.RequestID = in.requestID
	}
	return c
}

// cookies returns each cookie of a request, unchanged.
func cookies(h http.Header) []string {
	var list []string
	for _, line := range h["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				list = append(list, cookie)
			}
		}
	}
	return list
}
