package event

// functionURL is a Lambda Function URL. Its path and its query are as the
// client sent them; cookies are there twice, apart and as a header.
type functionURL struct{}

func (functionURL) name() Source { return FunctionURL }

func (functionURL) answer() form {
	return form{cookies: true, streams: true, limit: responseLimit, limitOf: "Lambda"}
}

func (functionURL) request(e *envelope) (wireRequest, error) {
	w, err := payloadV2(e)
	w.path = e.rawPath
	return w, err
}
