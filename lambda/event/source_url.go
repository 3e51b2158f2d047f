package event

// functionURL is a Lambda Function URL. Its path and its query are as the
// client sent them; cookies are there twice, apart and as a header.
type functionURL struct{}

// detectFunctionURL goes by the domain name, which cannot be another: Function
// URLs have no custom domains.
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
