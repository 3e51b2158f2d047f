package event

import "github.com/awslabs/aws-lambda-go-api-proxy/core"

// Only this file uses aws-lambda-go-api-proxy. docs/decisions/api-proxy.md says
// which parts are used and why.

// apiProxyPrefix is the prefix of the headers in which aws-lambda-go-api-proxy's
// accessors expect the event's context, such as [core.APIGwContextHeader]. They
// are removed from requests, so a client cannot deceive a handler that reads
// them.
const apiProxyPrefix = "x-golambdaproxy-"

// normalBasePath returns path with a slash in front and none at the end, as the
// adapters of aws-lambda-go-api-proxy do. An empty path stays empty.
func normalBasePath(path string) string {
	var accessor core.RequestAccessor
	return accessor.StripBasePath(path)
}
