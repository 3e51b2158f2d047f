package frontdoor

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
)

// errIntegrationTimeout says that the API stopped waiting for the function.
var errIntegrationTimeout = errors.New("frontdoor: function took longer than the API waits")

// gatewayError is an error response that the source sends in the function's
// place. For a load balancer, the body is always its HTML page.
type gatewayError struct {
	status int
	body   string // JSON unless text
	text   bool
	cause  error
}

// invocationError returns the response to an invocation that failed. AWS uses
// these statuses:
//
//	                    function failed   API timed out   event over 6 MB
//	REST API            502               504             413
//	HTTP API            500               503             413
//	load balancer       502               -               413
//	function URL        502               -               413
//	VPC Lattice         500               -               413
//
// "Function failed" includes a malformed response and the function's own timeout.
// Sources: API Gateway developer guide, "Gateway response types", and
// "Troubleshooting issues with HTTP API Lambda integrations"; Elastic Load
// Balancing, "Troubleshoot your Application Load Balancers". AWS does not
// document the response of VPC Lattice, so a service must not rely on it.
func (d *door) invocationError(err error) gatewayError {
	switch {
	case errors.Is(err, errIntegrationTimeout):
		if d.source == RESTAPI {
			return gatewayError{status: http.StatusGatewayTimeout, body: `{"message": "Endpoint request timed out"}`, cause: err}
		}
		return d.unavailable(err)
	case errors.Is(err, emulator.ErrRequestTooLarge):
		return d.eventTooLarge(err)
	case errors.Is(err, emulator.ErrClosed):
		return d.unavailable(err)
	}
	return d.functionError(err)
}

func (d *door) functionError(err error) gatewayError {
	switch d.source {
	case RESTAPI:
		return gatewayError{status: http.StatusBadGateway, body: `{"message": "Internal server error"}`, cause: err}
	case HTTPAPI, HTTPAPIv1:
		return gatewayError{status: http.StatusInternalServerError, body: `{"message":"Internal Server Error"}`, cause: err}
	case FunctionURL:
		return gatewayError{status: http.StatusBadGateway, body: `Internal Server Error`, cause: err}
	}
	if d.isLattice() {
		return gatewayError{status: http.StatusInternalServerError, text: true, body: "Internal Server Error", cause: err}
	}
	return gatewayError{status: http.StatusBadGateway, cause: err}
}

func (d *door) unavailable(err error) gatewayError {
	return gatewayError{status: http.StatusServiceUnavailable, body: `{"message":"Service Unavailable"}`, cause: err}
}

// bodyTooLarge returns the response to a body that exceeds the source's own limit.
func (d *door) bodyTooLarge() *gatewayError {
	cause := fmt.Errorf("body is larger than %d bytes", d.bodyLimit)
	switch d.source {
	case RESTAPI:
		return &gatewayError{status: http.StatusRequestEntityTooLarge, text: true, cause: cause,
			body: "HTTP content length exceeded 10485760 bytes."}
	case HTTPAPI, HTTPAPIv1:
		return &gatewayError{status: http.StatusRequestEntityTooLarge, body: `{"message":"Request Entity Too Large"}`, cause: cause}
	}
	e := d.eventTooLarge(cause)
	return &e
}

// eventTooLarge returns the response to a request that Lambda refuses because its
// event exceeds 6 MB.
func (d *door) eventTooLarge(err error) gatewayError {
	e := gatewayError{status: http.StatusRequestEntityTooLarge, cause: err}
	switch d.source {
	case RESTAPI:
		e.body = `{"message": "Request Too Long"}`
	case HTTPAPI, HTTPAPIv1:
		e.body = `{"message":"Request Entity Too Large"}`
	case FunctionURL:
		e.body = `{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`
	}
	return e
}

func (d *door) headersTooLarge() *gatewayError {
	return &gatewayError{status: http.StatusRequestHeaderFieldsTooLarge,
		body:  `{"message":"Request Header Fields Too Large"}`,
		cause: fmt.Errorf("request line and headers have more than %d bytes", maxHeaderBytes)}
}

// noSuchStage returns the response to a path that does not begin with the stage
// or base path.
func (d *door) noSuchStage() *gatewayError {
	cause := fmt.Errorf("path does not begin with %s", d.prefix)
	if d.source == RESTAPI {
		return &gatewayError{status: http.StatusForbidden, body: `{"message":"Forbidden"}`, cause: cause}
	}
	return &gatewayError{status: http.StatusNotFound, body: `{"message":"Not Found"}`, cause: cause}
}

func (d *door) unauthorized() *gatewayError {
	cause := errors.New("refused by the authorizer")
	if d.source == FunctionURL {
		return &gatewayError{status: http.StatusForbidden, body: `{"Message":"Forbidden"}`, cause: cause}
	} else if d.isLattice() {
		return &gatewayError{status: http.StatusForbidden, text: true, body: "AccessDeniedException", cause: cause}
	}
	return &gatewayError{status: http.StatusUnauthorized, body: `{"message":"Unauthorized"}`, cause: cause}
}

// refuse logs e and writes it as the response. A load balancer responds in HTML.
func (d *door) refuse(w http.ResponseWriter, r *http.Request, e gatewayError) {
	d.logger.Warn("request failed", "source", d.source, "method", r.Method, "path", r.URL.Path,
		"status", e.status, "error", e.cause)
	h := w.Header()
	switch {
	case d.source == ALB || d.source == ALBMulti:
		title := fmt.Sprintf("%d %s", e.status, http.StatusText(e.status))
		e.body = strings.ReplaceAll("<html>\r\n<head><title>TITLE</title></head>\r\n"+
			"<body>\r\n<center><h1>TITLE</h1></center>\r\n</body>\r\n</html>\r\n", "TITLE", title)
		h.Set("Content-Type", "text/html")
		h.Set("Server", "awselb/2.0")
	case e.text:
		h.Set("Content-Type", "text; charset=utf-8")
	default:
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(e.status)
	_, _ = w.Write([]byte(e.body)) // fails only if the client has disconnected
}

// shortRequestID returns a new request ID in the format of HTTP APIs. REST APIs
// use the same format for extended request IDs.
func shortRequestID() string {
	return base64.StdEncoding.EncodeToString([]byte(awsid.Hex(6))[:11])
}
