package event

// restAPI is an API Gateway REST API (payload 1.0, without a version). Its path
// is as the client encoded it, without the stage; its query is decoded.
type restAPI struct{}

func (restAPI) name() Source { return RESTAPI }

func (restAPI) answer() form {
	return form{multi: true, streams: true, limit: responseLimit, limitOf: "Lambda"}
}

func (restAPI) request(e *envelope) (wireRequest, error) {
	return payloadV1(e)
}

// payloadV1 reads what REST APIs and payload 1.0 of HTTP APIs have in common.
func payloadV1(e *envelope) (wireRequest, error) {
	w := wireRequest{
		method: e.httpMethod,
		path:   e.path,
		host:   e.context.domainName,
		client: sourceIP(e.context.identity),
		https:  true,
	}
	var err error
	if w.header, err = readHeader(e.headers, e.multiHeaders); err != nil {
		return w, err
	}
	w.rawQuery, err = readQuery(e.query, e.multiQuery, decodedQuery)
	return w, err
}

// sourceIP returns the sourceIp of requestContext.identity.
func sourceIP(identity string) (ip string) {
	if identity == "" {
		return ""
	}
	p := parser{s: identity}
	p.object(func(key string) {
		if key == "sourceIp" {
			ip = p.text()
			return
		}
		p.skip()
	})
	return ip
}
