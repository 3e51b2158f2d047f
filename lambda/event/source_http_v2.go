package event

// httpAPI is an API Gateway HTTP API with payload 2.0. API Gateway has decoded
// the path, in which it puts a named stage first, on custom domains too; the
// query is as the client sent it. What a %2F or a %3F in the path was is lost,
// and no guess is made at it. Cookies are apart from the headers.
type httpAPI struct{}

func (httpAPI) name() Source { return HTTPAPI }

func (httpAPI) answer() form {
	return form{cookies: true, limit: responseLimit, limitOf: "Lambda"}
}

func (httpAPI) request(e *envelope) (wireRequest, error) {
	w, err := payloadV2(e)
	w.path = e.rawPath
	w.decoded = true
	w.stage = namedStage(e.context.stage)
	return w, err
}

// payloadV2 reads what HTTP APIs and Function URLs have in common.
func payloadV2(e *envelope) (wireRequest, error) {
	w := wireRequest{
		method:   e.context.method,
		rawQuery: e.rawQuery,
		host:     e.context.domainName,
		client:   e.context.sourceIP,
		https:    true,
	}
	var err error
	if w.header, err = readHeader(e.headers, ""); err != nil {
		return w, err
	}
	err = w.header.addCookies(e.cookies)
	return w, err
}
