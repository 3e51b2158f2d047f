package event

import "github.com/awslabs/aws-lambda-go-api-proxy/core"

// This file is all that has to do with aws-lambda-go-api-proxy.
// docs/decisions/api-proxy.md says what is taken from it and why no more.

// apiProxyPrefix is what the headers begin with in which its accessors expect
// the event's context: [core.APIGwContextHeader] and its like. No client may
// send one, so that a handler that still reads them is not deceived.
const apiProxyPrefix = "x-golambdaproxy-"

// normalBasePath returns path as its adapters understand one: with a slash in
// front and none behind, and empty for none.
func normalBasePath(path string) string {
	var accessor core.RequestAccessor
	return accessor.StripBasePath(path)
}
