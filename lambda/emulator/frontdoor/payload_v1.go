package frontdoor

import (
	"strings"
)

// payloadV1Event is payload format 1.0: API Gateway developer guide, "Set up
// Lambda proxy integrations" for REST APIs, and "Create AWS Lambda proxy
// integrations for HTTP APIs". An empty field without omitempty is null.
type payloadV1Event struct {
	Version           string              `json:"version,omitempty"` // of HTTP APIs only
	Resource          string              `json:"resource"`
	Path              string              `json:"path"`
	HTTPMethod        string              `json:"httpMethod"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters    map[string]string   `json:"pathParameters"`
	StageVariables    map[string]string   `json:"stageVariables"`
	RequestContext    contextV1           `json:"requestContext"`
	Body              *string             `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

type contextV1 struct {
	AccountID         string         `json:"accountId"`
	APIID             string         `json:"apiId"`
	Authorizer        map[string]any `json:"authorizer,omitempty"`
	DomainName        string         `json:"domainName"`
	DomainPrefix      string         `json:"domainPrefix"`
	ExtendedRequestID string         `json:"extendedRequestId"`
	HTTPMethod        string         `json:"httpMethod"`
	Identity          identityV1     `json:"identity"`
	Path              string         `json:"path"`
	Protocol          string         `json:"protocol"`
	RequestID         string         `json:"requestId"`
	RequestTime       string         `json:"requestTime"`
	RequestTimeEpoch  int64          `json:"requestTimeEpoch"`
	ResourceID        string         `json:"resourceId"`
	ResourcePath      string         `json:"resourcePath"`
	Stage             string         `json:"stage"`
}

type identityV1 struct {
	AccessKey *string `json:"accessKey"`
	AccountID *string `json:"accountId"`
	Caller    *string `json:"caller"`
	SourceIP  string  `json:"sourceIp"`
	User      *string `json:"user"`
	UserAgent string  `json:"userAgent"`
	UserARN   *string `json:"userArn"`
}

// payloadV1 returns the event of a REST API, or of an HTTP API with payload 1.0.
// A REST API passes the path percent-encoded and without the stage. An HTTP API
// passes it decoded and with the stage. Both keep the base path of a custom
// domain.
func (d *door) payloadV1(in *incoming) payloadV1Event {
	headers := withoutHopByHop(in.headers("https", "443"))
	e := payloadV1Event{
		HTTPMethod:     in.Method,
		RequestContext: d.contextV1(in),
	}
	if d.source == HTTPAPIv1 {
		e.Version = "1.0"
		e.Path = decodedPath(in.URL.EscapedPath())
		e.Resource, e.RequestContext.ResourcePath = "$default", "$default"
		e.MultiValueHeaders = lowerCase(headers)
	} else {
		headers.Del("Content-Length") // a REST API does not pass it on
		e.Path = d.basePath + in.path
		if d.basePath != "" && in.path == "/" && !strings.HasSuffix(in.URL.Path, "/") {
			e.Path = d.basePath
		}
		e.Resource = "/"
		if in.path != "/" {
			e.Resource = "/{proxy+}"
			e.PathParameters = map[string]string{"proxy": decodedPath(in.path[1:])}
		}
		e.RequestContext.ResourcePath = e.Resource
		e.MultiValueHeaders = headers
	}
	e.Headers = lastValues(e.MultiValueHeaders)
	e.MultiValueQuery = queryFields(in.URL.RawQuery, true)
	e.Query = lastValues(e.MultiValueQuery)
	if len(in.body) > 0 {
		e.IsBase64Encoded = d.inBase64(in)
		body := bodyField(in.body, e.IsBase64Encoded)
		e.Body = &body
	}
	return e
}

// inBase64 reports whether the body goes into the event in base64.
func (d *door) inBase64(in *incoming) bool {
	contentType := in.Header.Get("Content-Type")
	if d.source != RESTAPI {
		return !isText(contentType) || in.Header.Get("Content-Encoding") != ""
	}
	if contentType == "" {
		contentType = "application/json" // API Gateway's default
	}
	return matchesMediaType(d.binaryTypes, contentType)
}

func (d *door) contextV1(in *incoming) contextV1 {
	c := contextV1{
		AccountID:         d.accountID,
		APIID:             d.apiID,
		Authorizer:        in.authorized.payloadV1(d.source),
		DomainName:        d.domain(),
		DomainPrefix:      d.apiID,
		ExtendedRequestID: shortRequestID(),
		HTTPMethod:        in.Method,
		Identity:          identityV1{SourceIP: in.clientIP, UserAgent: in.UserAgent()},
		Path:              in.URL.EscapedPath(),
		Protocol:          in.Proto,
		RequestID:         in.requestID,
		RequestTime:       in.received.UTC().Format(clfTime),
		RequestTimeEpoch:  in.received.UnixMilli(),
		ResourceID:        "abc123",
		Stage:             d.stage,
	}
	if d.source == HTTPAPIv1 {
		c.Path = decodedPath(c.Path)
		c.RequestID = c.ExtendedRequestID
		c.ResourceID = "$default" // the key of the route
	}
	if iam := in.authorized.IAM; iam != nil {
		c.Identity.AccessKey, c.Identity.AccountID = &iam.AccessKey, &iam.AccountID
		c.Identity.Caller, c.Identity.User, c.Identity.UserARN = &iam.CallerID, &iam.UserID, &iam.UserARN
	}
	return c
}
