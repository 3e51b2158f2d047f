package event

import "strings"

// httpAPIv1 is an API Gateway HTTP API with payload 1.0: the shape of a REST
// API's event, but API Gateway has decoded the path. What a %2F or a %3F was is
// lost in that, and no guess is made at it.
type httpAPIv1 struct{}

func (httpAPIv1) name() Source { return HTTPAPIv1 }

func (httpAPIv1) answer() form {
	return form{multi: true, limit: responseLimit, limitOf: "Lambda"}
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
