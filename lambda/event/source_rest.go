package event

import "strings"

// restAPI is an API Gateway REST API (payload 1.0, without a version). The path
// is as the client encoded it, without the stage; the query is decoded.
type restAPI struct{}

// detectRESTAPI detects a REST API by its resource. Payload 1.0 of HTTP APIs
// always has a resourcePath, but its resourceId is a route's key or absent.
// Handwritten events often have neither.
func detectRESTAPI(e *envelope) (source, bool) {
	c := &e.context
	resource := c.resourceID != "" && !strings.ContainsAny(c.resourceID, " $") ||
		c.resourceID == "" && c.resourcePath == "" && strings.HasPrefix(e.resource, "/")
	return restAPI{}, e.version == "" && e.httpMethod != "" && c.ofAPI() && resource
}

func (restAPI) name() Source { return RESTAPI }

func (restAPI) responseFormat() responseFormat {
	return responseFormat{multi: true, streams: true, limit: responseLimit, limitOf: "Lambda"}
}

func (restAPI) request(e *envelope) (wireRequest, error) {
	return payloadV1(e)
}

// payloadV1 reads the fields that REST APIs and payload 1.0 of HTTP APIs share.
func payloadV1(e *envelope) (wireRequest, error) {
	w := wireRequest{
		method: e.httpMethod,
		path:   e.path,
		host:   e.context.domainName,
		https:  true,
	}
	var err error
	if err = w.readIdentity(e.context.identity); err != nil {
		return w, err
	}
	if w.header, err = readHeader(e.headers, e.multiHeaders); err != nil {
		return w, err
	}
	if w.rawQuery, err = readQuery(e.query, e.multiQuery, decodedQuery); err != nil {
		return w, err
	}
	w.authorizer, err = readAuthorizerV1(e.context.authorizer, e.context.identity)
	return w, err
}

// readIdentity reads the fields of requestContext.identity that every request has.
func (w *wireRequest) readIdentity(identity string) error {
	if identity == "" {
		return nil
	}
	var certificate string
	p := parser{s: identity, at: "requestContext.identity"}
	p.object(func(key string) {
		switch key {
		case "sourceIp":
			w.client = p.text()
		case "apiKeyId":
			w.apiKeyID = p.text()
		case "clientCert":
			certificate = p.raw()
		default:
			p.skip()
		}
	})
	if p.err != nil {
		return p.err
	}
	var err error
	w.certificate, err = readClientCertificate(certificate)
	return err
}
