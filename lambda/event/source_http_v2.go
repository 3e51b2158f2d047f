package event

import "strings"

// httpAPI is an API Gateway HTTP API with payload 2.0. API Gateway decodes the
// path, so a %2F or %3F is lost, and puts a named stage in front of it, on custom
// domains too. The query is as the client sent it. Cookies are not in the headers
// but in a member of their own.
type httpAPI struct{}

// detectHTTPAPI detects an HTTP API by requestContext.http, which Function URLs
// also have. The domain name distinguishes the two. A local emulation of an HTTP
// API may have no domain name; it then has no domainPrefix either, and not the
// 32-character id of a Function URL.
func detectHTTPAPI(e *envelope) (source, bool) {
	c := &e.context
	ofURL := isURLDomain(c.domainName) || c.domainName == "" && (c.domainPrefix != "" || len(c.apiID) == 32)
	return httpAPI{}, c.method != "" && isVersion2(e.version) && !ofURL
}

// isVersion2 reports whether the version of an event with requestContext.http is
// one that the package knows. Handwritten events often have no version.
func isVersion2(version string) bool { return version == "2.0" || version == "" }

func isURLDomain(name string) bool { return strings.Contains(name, ".lambda-url.") }

func (httpAPI) name() Source { return HTTPAPI }

func (httpAPI) responseFormat() responseFormat {
	return responseFormat{cookies: true, limit: responseLimit, limitOf: "Lambda"}
}

func (httpAPI) request(e *envelope) (wireRequest, error) {
	w, err := payloadV2(e)
	w.decoded = true
	w.stage = namedStage(e.context.stage)
	return w, err
}

// payloadV2 reads the fields that HTTP APIs and Function URLs share.
func payloadV2(e *envelope) (wireRequest, error) {
	w := wireRequest{
		method:   e.context.method,
		path:     e.rawPath,
		rawQuery: e.rawQuery,
		host:     e.context.domainName,
		client:   e.context.sourceIP,
		https:    true,
	}
	var err error
	if w.header, err = readHeader(e.headers, ""); err != nil {
		return w, err
	}
	if err = w.header.addCookies(e.cookies); err != nil {
		return w, err
	}
	if w.certificate, err = readAuthentication(e.context.authentication); err != nil {
		return w, err
	}
	w.authorizer, err = readAuthorizerV2(e.context.authorizer)
	return w, err
}
