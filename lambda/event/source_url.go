package event

// functionURL is a Lambda Function URL. The path and the query are as the client
// sent them. Cookies are in a header and also in a member of their own.
type functionURL struct{}

// detectFunctionURL detects a Function URL by its domain name. Function URLs have
// no custom domains.
func detectFunctionURL(e *envelope) (source, bool) {
	return functionURL{}, e.context.method != "" && isVersion2(e.version) && isURLDomain(e.context.domainName)
}

func (functionURL) name() Source { return FunctionURL }

func (functionURL) responseFormat() responseFormat {
	return responseFormat{cookies: true, streams: true, limit: responseLimit, limitOf: "Lambda"}
}

func (functionURL) request(e *envelope) (wireRequest, error) {
	return payloadV2(e)
}
