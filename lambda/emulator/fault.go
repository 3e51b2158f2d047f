package emulator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// errIntegrationTimeout says that the API stopped waiting for the function.
var errIntegrationTimeout = errors.New("emulator: function took longer than the API waits")

// fault is an error that the source answers in the function's place. An empty
// body means the source's usual one.
type fault struct {
	status int
	body   string // JSON unless text
	text   bool
	cause  error
}

// fault is the answer to an invocation that failed. AWS's own are:
//
//	                    function failed   API timed out   event over 6 MB
//	REST API            502               504             413
//	HTTP API            500               503             413
//	load balancer       502               -               413
//	function URL        502               -               413
//
// "Failed" covers an answer in the wrong form and the function's own timeout.
// Sources: API Gateway developer guide, "Gateway response types", and
// "Troubleshooting issues with HTTP API Lambda integrations"; Elastic Load
// Balancing, "Troubleshoot your Application Load Balancers".
func (d *door) fault(err error) fault {
	switch {
	case errors.Is(err, errIntegrationTimeout):
		if d.source == RESTAPI {
			return fault{status: http.StatusGatewayTimeout, body: `{"message": "Endpoint request timed out"}`, cause: err}
		}
		return d.unavailable(err)
	case errors.Is(err, ErrRequestTooLarge):
		return d.eventTooLarge(err)
	case errors.Is(err, ErrClosed):
		return d.unavailable(err)
	}
	return d.functionFault(err)
}

func (d *door) functionFault(err error) fault {
	switch d.source {
	case RESTAPI:
		return fault{status: http.StatusBadGateway, body: `{"message": "Internal server error"}`, cause: err}
	case HTTPAPI, HTTPAPIv1:
		return fault{status: http.StatusInternalServerError, body: `{"message":"Internal Server Error"}`, cause: err}
	case FunctionURL:
		return fault{status: http.StatusBadGateway, body: `Internal Server Error`, cause: err}
	}
	return fault{status: http.StatusBadGateway, cause: err}
}

func (d *door) unavailable(err error) fault {
	return fault{status: http.StatusServiceUnavailable, body: `{"message":"Service Unavailable"}`, cause: err}
}

// bodyTooLarge answers a body over the limit of the source itself.
func (d *door) bodyTooLarge() *fault {
	cause := fmt.Errorf("body is larger than %d bytes", d.bodyLimit)
	switch d.source {
	case RESTAPI:
		return &fault{status: http.StatusRequestEntityTooLarge, text: true, cause: cause,
			body: "HTTP content length exceeded 10485760 bytes."}
	case HTTPAPI, HTTPAPIv1:
		return &fault{status: http.StatusRequestEntityTooLarge, body: `{"message":"Request Entity Too Large"}`, cause: cause}
	}
	f := d.eventTooLarge(cause)
	return &f
}

// eventTooLarge answers a request that Lambda refuses since its event has more
// than 6 MB.
func (d *door) eventTooLarge(err error) fault {
	f := fault{status: http.StatusRequestEntityTooLarge, cause: err}
	switch d.source {
	case RESTAPI:
		f.body = `{"message": "Request Too Long"}`
	case HTTPAPI, HTTPAPIv1:
		f.body = `{"message":"Request Entity Too Large"}`
	case FunctionURL:
		f.body = `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`
	}
	return f
}

func (d *door) headersTooLarge() *fault {
	return &fault{status: http.StatusRequestHeaderFieldsTooLarge,
		body:  `{"message":"Request Header Fields Too Large"}`,
		cause: fmt.Errorf("request line and headers have more than %d bytes", maxHeaderBytes)}
}

// noSuchStage answers a path that does not begin with the stage or base path.
func (d *door) noSuchStage() *fault {
	cause := fmt.Errorf("path does not begin with %s", d.prefix)
	if d.source == RESTAPI {
		return &fault{status: http.StatusForbidden, body: `{"message":"Forbidden"}`, cause: cause}
	}
	return &fault{status: http.StatusNotFound, body: `{"message":"Not Found"}`, cause: cause}
}

func (d *door) unauthorized() *fault {
	cause := errors.New("refused by the authorizer")
	if d.source == FunctionURL {
		return &fault{status: http.StatusForbidden, body: `{"Message":"Forbidden"}`, cause: cause}
	}
	return &fault{status: http.StatusUnauthorized, body: `{"message":"Unauthorized"}`, cause: cause}
}

// refuse answers with a fault. A load balancer answers in HTML.
func (d *door) refuse(w http.ResponseWriter, r *http.Request, f fault) {
	d.logger.Warn("request failed", "source", d.source, "method", r.Method, "path", r.URL.Path,
		"status", f.status, "error", f.cause)
	h := w.Header()
	switch {
	case d.source == ALB || d.source == ALBMulti:
		title := fmt.Sprintf("%d %s", f.status, http.StatusText(f.status))
		f.body = strings.ReplaceAll("<html>\r\n<head><title>TITLE</title></head>\r\n"+
			"<body>\r\n<center><h1>TITLE</h1></center>\r\n</body>\r\n</html>\r\n", "TITLE", title)
		h.Set("Content-Type", "text/html")
		h.Set("Server", "awselb/2.0")
	case f.text:
		h.Set("Content-Type", "text; charset=utf-8")
	default:
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(f.status)
	_, _ = w.Write([]byte(f.body)) // the client may have gone
}

// shortRequestID returns a request id of the form that HTTP APIs use, and REST
// APIs as extended request id.
func shortRequestID() string {
	return base64.StdEncoding.EncodeToString([]byte(randomHex(6))[:11])
}
