package event

import "strings"

// httpAPIv1 is an API Gateway HTTP API with payload 1.0. Its events look like a
// REST API's, but API Gateway decodes the path, so a %2F or %3F is lost.
type httpAPIv1 struct{}

// detectHTTPAPIv1 detects an HTTP API with payload 1.0 by the version and the
// requestContext of an API.
func detectHTTPAPIv1(e *envelope) (source, bool) {
	return httpAPIv1{}, e.version == "1.0" && e.httpMethod != "" && e.context.ofAPI()
}

func (httpAPIv1) name() Source { return HTTPAPIv1 }

func (httpAPIv1) responseFormat() responseFormat {
	return responseFormat{multi: true, limit: responseLimit, limitOf: "Lambda"}
}

// request does not remove the stage from the path of a custom domain. Payload 1.0
// has the client's own path there, whose first segment may equal the stage.
func (httpAPIv1) request(e *envelope) (wireRequest, error) {
	w, err := payloadV1(e)
	w.decoded = true
	if strings.Contains(e.context.domainName, ".execute-api.") {
		w.stage = namedStage(e.context.stage)
	}
	return w, err
}

// namedStage returns stage, or "" for the default stage, which no path contains.
func namedStage(stage string) string {
	if stage == "$default" {
		return ""
	}
	return stage
}
