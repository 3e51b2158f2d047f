package event

import "strings"

// httpAPIv1 is an API Gateway HTTP API with payload 1.0: the shape of a REST
// API's event, but API Gateway has decoded the path. What a %2F or a %3F was is
// lost in that, and no guess is made at it.
type httpAPIv1 struct{}

// detectHTTPAPIv1 goes by the version, beside an API's requestContext.
func detectHTTPAPIv1(e *envelope) (source, bool) {
	return httpAPIv1{}, e.version == "1.0" && e.httpMethod != "" && e.context.ofAPI()
}

func (httpAPIv1) name() Source { return HTTPAPIv1 }

func (httpAPIv1) responseFormat() responseFormat {
	return responseFormat{multi: true, limit: responseLimit, limitOf: "Lambda"}
}

// request leaves the stage in the path of a custom domain: payload 1.0 has
// there what the client asked for, and a first segment that happens to be
// named like the stage belongs to the API.
func (httpAPIv1) request(e *envelope) (wireRequest, error) {
	w, err := payloadV1(e)
	w.decoded = true
	if strings.Contains(e.context.domainName, ".execute-api.") {
		w.stage = namedStage(e.context.stage)
	}
	return w, err
}

// namedStage returns stage, or nothing for the one that is not in any path.
func namedStage(stage string) string {
	if stage == "$default" {
		return ""
	}
	return stage
}
